// Pins the Prometheus operator, for its CRDs alone: nothing of it is built.
module securitybaseline.io/tools/foreign/prometheus-operator

go 1.24.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
