//go:build !linux

package labs

import "errors"

// become is for Linux, where labs are done.
func (o Owner) become() error { return errors.ErrUnsupported }
