package deployments

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
)

// Kinds is what this concept adds to the API.
var Kinds = []api.Kind{deployment.Kind()}

// controller is the kind that a Deployment's ReplicaSets name as their owner's.
var controller = appsv1.SchemeGroupVersion.WithKind("Deployment")

var deployment = api.Type[*appsv1.Deployment]{
	Names: api.Names{
		Plural: "deployments", Short: []string{"deploy"}, Categories: []string{"all"},
		Namespaced: true, HasStatus: true,
	},
	Default:  setDefaults,
	Validate: validate,
	ValidateUpdate: func(new, old *appsv1.Deployment) field.ErrorList {
		return apivalidation.ValidateImmutableField(new.Spec.Selector, old.Spec.Selector, field.NewPath("spec", "selector"))
	},
	Warn: func(d *appsv1.Deployment) []string { return podspec.OwnerWarnings(d.Name, &d.Spec.Template) },
	Scale: &api.Scale{
		Get: func(o api.Object) (wanted, actual int32, selector string) {
			d := o.(*appsv1.Deployment)
			return *d.Spec.Replicas, d.Status.Replicas, metav1.FormatLabelSelector(d.Spec.Selector)
		},
		Set: func(o api.Object, replicas int32) { o.(*appsv1.Deployment).Spec.Replicas = &replicas },
	},
	Columns: append([]api.ColumnOf[*appsv1.Deployment]{
		{Name: "Ready", Type: "string", Value: func(d *appsv1.Deployment) any {
			return fmt.Sprintf("%d/%d", d.Status.ReadyReplicas, *d.Spec.Replicas)
		}},
		{Name: "Up-to-date", Type: "string", Value: func(d *appsv1.Deployment) any { return d.Status.UpdatedReplicas }},
		{Name: "Available", Type: "string", Value: func(d *appsv1.Deployment) any { return d.Status.AvailableReplicas }},
		api.AgeColumn[*appsv1.Deployment](),
	}, podspec.TemplateColumns(
		func(d *appsv1.Deployment) *corev1.PodTemplateSpec { return &d.Spec.Template },
		func(d *appsv1.Deployment) *metav1.LabelSelector { return d.Spec.Selector })...),
}

func setDefaults(d *appsv1.Deployment) {
	setDefault(&d.Spec.Replicas, 1)
	setDefault(&d.Spec.RevisionHistoryLimit, 10)
	setDefault(&d.Spec.ProgressDeadlineSeconds, 600)
	if d.Spec.Strategy.Type == "" {
		d.Spec.Strategy.Type = appsv1.RollingUpdateDeploymentStrategyType
	}
	if d.Spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		setDefault(&d.Spec.Strategy.RollingUpdate, appsv1.RollingUpdateDeployment{})
		setDefault(&d.Spec.Strategy.RollingUpdate.MaxUnavailable, intstr.FromString("25%"))
		setDefault(&d.Spec.Strategy.RollingUpdate.MaxSurge, intstr.FromString("25%"))
	}
	podspec.DefaultTemplate(&d.Spec.Template)
}

func setDefault[T any](at **T, value T) {
	if *at == nil {
		*at = &value
	}
}

func validate(d *appsv1.Deployment) field.ErrorList {
	spec := field.NewPath("spec")
	errs := apivalidation.ValidateNonnegativeField(int64(*d.Spec.Replicas), spec.Child("replicas"))
	errs = append(errs, podspec.ValidateSelector(d.Spec.Selector, "deployment", spec.Child("selector"))...)
	errs = append(errs, podspec.ValidateReplicaTemplate(&d.Spec.Template, d.Spec.Selector, "Deployment", spec.Child("template"))...)
	errs = append(errs, validateStrategy(&d.Spec.Strategy, spec.Child("strategy"))...)
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(d.Spec.MinReadySeconds), spec.Child("minReadySeconds"))...)
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(*d.Spec.RevisionHistoryLimit), spec.Child("revisionHistoryLimit"))...)
	deadline := *d.Spec.ProgressDeadlineSeconds
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(deadline), spec.Child("progressDeadlineSeconds"))...)
	if deadline <= d.Spec.MinReadySeconds {
		errs = append(errs, field.Invalid(spec.Child("progressDeadlineSeconds"), deadline, "must be greater than minReadySeconds"))
	}
	return errs
}

func validateStrategy(strategy *appsv1.DeploymentStrategy, path *field.Path) field.ErrorList {
	rolling := strategy.RollingUpdate
	switch strategy.Type {
	case appsv1.RecreateDeploymentStrategyType:
		if rolling != nil {
			return field.ErrorList{field.Forbidden(path.Child("rollingUpdate"),
				"may not be specified when strategy `type` is 'Recreate'")}
		}
		return nil
	case appsv1.RollingUpdateDeploymentStrategyType:
		path = path.Child("rollingUpdate")
		errs := validateShare(*rolling.MaxUnavailable, 100, path.Child("maxUnavailable"))
		errs = append(errs, validateShare(*rolling.MaxSurge, math.MaxInt32, path.Child("maxSurge"))...)
		if isZero(*rolling.MaxUnavailable) && isZero(*rolling.MaxSurge) {
			errs = append(errs, field.Invalid(path.Child("maxUnavailable"), rolling.MaxUnavailable,
				"may not be 0 when `maxSurge` is 0"))
		}
		return errs
	}
	return field.ErrorList{field.NotSupported(path, strategy.Type,
		[]appsv1.DeploymentStrategyType{appsv1.RecreateDeploymentStrategyType, appsv1.RollingUpdateDeploymentStrategyType})}
}

// validateShare: a number of pods, or a percentage of the replicas up to most.
func validateShare(share intstr.IntOrString, most int, path *field.Path) field.ErrorList {
	if share.Type == intstr.Int {
		return apivalidation.ValidateNonnegativeField(int64(share.IntVal), path)
	}
	if messages := validation.IsValidPercent(share.StrVal); len(messages) > 0 {
		return field.ErrorList{field.Invalid(path, share, messages[0])}
	}
	percent, err := strconv.Atoi(strings.TrimSuffix(share.StrVal, "%"))
	if err != nil {
		return field.ErrorList{field.Invalid(path, share, "is too large")}
	}
	if percent > most {
		return field.ErrorList{field.Invalid(path, share, "must not be greater than 100%")}
	}
	return nil
}

func isZero(share intstr.IntOrString) bool {
	n, err := intstr.GetScaledValueFromIntOrPercent(&share, 100, true)
	return err == nil && n == 0
}
