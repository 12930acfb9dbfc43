{{- /* What every object is labelled with. There is one install in a cluster, whatever its release is called. */ -}}
{{- define "labels" -}}
app.kubernetes.io/name: security-baseline-operator
app.kubernetes.io/part-of: security-baseline-operator
{{- end }}

{{- define "image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}{{ with .tag }}:{{ . }}{{ end }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{- define "args" -}}
- --log-level={{ .Values.logLevel }}
{{- with .Values.protectedNamespaces }}
- --protected-namespaces={{ join "," . }}
{{- end }}
{{- with .Values.clusterCidrs }}
- --cluster-cidrs={{ join "," . }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{- define "spread" -}}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: {{ eq $.Values.spread "Required" | ternary "DoNotSchedule" "ScheduleAnyway" }}
  labelSelector: { matchLabels: { app.kubernetes.io/name: security-baseline-operator } }
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
