package api

import (
	"cmp"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A secret is a configMap that fewer people may read.
var secret = Type[*corev1.Secret]{
	Names: Names{Plural: "secrets", Namespaced: true},
	Default: func(s *corev1.Secret) {
		s.Type = cmp.Or(s.Type, corev1.SecretTypeOpaque)
		if len(s.StringData) > 0 && s.Data == nil {
			s.Data = map[string][]byte{}
		}
		for key, text := range s.StringData { // stringData is for writing only
			s.Data[key] = []byte(text)
		}
		s.StringData = nil
	},
	Validate: func(s *corev1.Secret) field.ErrorList {
		errs := validateKeys(s.Data, "data")
		errs = append(errs, validateSize(size(s.Data))...)
		return append(errs, validateSecretType(s)...)
	},
	ValidateUpdate: func(new, old *corev1.Secret) field.ErrorList {
		errs := apivalidation.ValidateImmutableField(new.Type, old.Type, field.NewPath("type"))
		return append(errs, validateImmutable(new.Immutable, old.Immutable, change{"data", new.Data, old.Data})...)
	},
	Columns: []ColumnOf[*corev1.Secret]{
		{Name: "Type", Type: "string", Value: func(s *corev1.Secret) any { return string(s.Type) }},
		{Name: "Data", Type: "string", Value: func(s *corev1.Secret) any { return len(s.Data) }},
		AgeColumn[*corev1.Secret](),
	},
}

// What a secret of a well-known type must hold.
var secretKeys = map[corev1.SecretType][]string{
	corev1.SecretTypeDockercfg:        {corev1.DockerConfigKey},
	corev1.SecretTypeDockerConfigJson: {corev1.DockerConfigJsonKey},
	corev1.SecretTypeSSHAuth:          {corev1.SSHAuthPrivateKey},
	corev1.SecretTypeTLS:              {corev1.TLSCertKey, corev1.TLSPrivateKeyKey},
}

func validateSecretType(s *corev1.Secret) field.ErrorList {
	var errs field.ErrorList
	data := field.NewPath("data")
	for _, key := range secretKeys[s.Type] {
		content, found := s.Data[key]
		switch {
		case !found:
			errs = append(errs, field.Required(data.Key(key), ""))
		case s.Type == corev1.SecretTypeDockercfg || s.Type == corev1.SecretTypeDockerConfigJson:
			if !json.Valid(content) {
				errs = append(errs, field.Invalid(data.Key(key), "<secret contents redacted>", "must be valid JSON"))
			}
		}
	}
	switch s.Type {
	case corev1.SecretTypeBasicAuth:
		if s.Data[corev1.BasicAuthUsernameKey] == nil && s.Data[corev1.BasicAuthPasswordKey] == nil {
			errs = append(errs, field.Required(data.Key(corev1.BasicAuthUsernameKey), ""), field.Required(data.Key(corev1.BasicAuthPasswordKey), ""))
		}
	case corev1.SecretTypeServiceAccountToken:
		if s.Annotations[corev1.ServiceAccountNameKey] == "" {
			errs = append(errs, field.Required(field.NewPath("metadata", "annotations").Key(corev1.ServiceAccountNameKey), ""))
		}
	}
	return errs
}
