{{/* What the objects are called: the release, with the chart's name where it does not have it yet. */}}
{{- define "copperline.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "copperline.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "copperline.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "copperline.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "copperline.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* A path as a key of a ConfigMap, which knows no folders: the schema keeps "__" out of paths. */}}
{{- define "copperline.key" -}}
{{ . | replace "/" "__" }}
{{- end }}

{{/* The top folders of the site that hold a file, as a JSON list. */}}
{{- define "copperline.folders" -}}
{{- $folders := list -}}
{{- range $path, $_ := .Values.site.files -}}
{{- if contains "/" $path -}}{{- $folders = append $folders (splitList "/" $path | first) -}}{{- end -}}
{{- end -}}
{{- $folders | uniq | toJson -}}
{{- end }}

{{/* site.yaml, as JSON. */}}
{{- define "copperline.site" -}}
{{- $site := fromYaml (index .Values.site.files "site.yaml") -}}
{{- if $site.Error -}}
{{- fail (printf "site.files: site.yaml is not YAML: %s" $site.Error) -}}
{{- end -}}
{{- $site | toJson -}}
{{- end }}

{{/* The port that `api:` of site.yaml listens on.  Probes, metrics and callers come from outside the pod. */}}
{{- define "copperline.port" -}}
{{- $api := (include "copperline.site" . | fromJson).api -}}
{{- $listen := ternary $api dict (kindIs "map" $api) | dig "listen" "" -}}
{{- if not (regexMatch "^(0[.]0[.]0[.]0|\\[::\\]):[0-9]+$" $listen) -}}
{{- fail "site.yaml must say where probes and callers reach the pod, such as api: {listen: 0.0.0.0:8490, plain: true}" -}}
{{- end -}}
{{- splitList ":" $listen | last -}}
{{- end }}

{{- define "copperline.scheme" -}}
{{- ternary "HTTPS" "HTTP" (hasKey (include "copperline.site" . | fromJson).api "certificate") -}}
{{- end }}

{{/* What the schema cannot see: whether site.yaml asks for what the values give, and the other way round. */}}
{{- define "copperline.check" -}}
{{- $site := include "copperline.site" . | fromJson -}}
{{- range $name := list "store" "broker" -}}
{{- $reference := printf "env:COPPERLINE_%s" (upper $name) -}}
{{- $said := index $site $name -}}
{{- $asked := and (kindIs "map" $said) (eq (ternary $said dict (kindIs "map" $said) | dig "url_from" "") $reference) -}}
{{- $given := (index $.Values $name).secretName -}}
{{- if and $given (not $asked) -}}
{{- fail (printf "%s.secretName is given, but site.yaml does not say %s: {url_from: %s}" $name $name $reference) -}}
{{- end -}}
{{- if and $asked (not $given) -}}
{{- fail (printf "site.yaml says %s: {url_from: %s}, but %s.secretName names no Secret" $name $reference $name) -}}
{{- end -}}
{{- end -}}
{{- end }}
