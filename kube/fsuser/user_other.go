//go:build !linux

package fsuser

import "errors"

// become is for Linux, where clusters are.
func (u User) become() error { return errors.ErrUnsupported }
