{{- define "jagawana.labels" -}}
app.kubernetes.io/name: jagawana
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "jagawana.selector" -}}
app.kubernetes.io/name: jagawana
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .room }}
{{- end }}

{{- /* What stands around the containers of every pod. Takes root, room and, but for jobs, spec. */}}
{{- define "jagawana.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
terminationGracePeriodSeconds: {{ add .root.Values.graceSeconds 15 }}
{{- with .spec }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- if gt (int .replicas) 1 }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "jagawana.selector" $ | nindent 8 }}
{{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "jagawana.container" -}}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
image: "{{ .root.Values.image.repository }}:{{ ternary .root.Values.image.cudaTag .root.Values.image.tag (and (eq .room "detect") (gt (int .root.Values.rooms.detect.gpus) 0)) }}"
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- /* The secret of a room that speaks to the brokers with a login; empty: without. Its user is jagawana-<room>, as the access lists say. */}}
{{- define "jagawana.login" -}}
{{- $k := .root.Values.kafka -}}
{{- if has .room (list "detect" "assess" "relay") -}}
{{- if .root.Values.strimzi.cluster -}}jagawana-{{ .room }}{{- else -}}{{ $k.secret }}{{- end -}}
{{- else if and (eq .room "migration") (eq $k.topics "apply") -}}
{{ $k.operatorSecret }}
{{- end -}}
{{- end }}

{{- /* The key in it of the password. Strimzi makes a secret for each user, we take one with a key for each room. */}}
{{- define "jagawana.passwordKey" -}}
{{- if or .root.Values.strimzi.cluster (eq .room "migration") -}}password{{- else -}}{{ .room }}{{- end -}}
{{- end }}

{{- define "jagawana.tells" -}}{{- if and .root.Values.audienceSecret (has .room (list "assess" "notify" "embedded")) }}yes{{ end }}{{- end }}

{{- /* As many threads as processors were asked for: by default the network takes all that the node has. */}}
{{- define "jagawana.threads" -}}
- name: JAGAWANA_THREADS
  valueFrom: {resourceFieldRef: {containerName: {{ . }}, resource: requests.cpu, divisor: "1"}}
{{- end }}

{{- /* Settings of a room of the distributed mode. Secrets are files, but for S3's keys: its client reads the environment only. */}}
{{- define "jagawana.env" -}}
{{- $v := .root.Values -}}
{{- $login := include "jagawana.login" . -}}
- {name: JAGAWANA_DATA, value: /data}
- {name: JAGAWANA_SECRETS, value: /secrets}
- {name: JAGAWANA_KAFKA_SERVERS, value: {{ $v.kafka.servers | toJson | quote }}}
- {name: JAGAWANA_BLOB_URL, value: {{ $v.objects.url | quote }}}
- {name: JAGAWANA_GRACE_SECONDS, value: {{ $v.graceSeconds | quote }}}
- {name: JAGAWANA_CHANNEL_SCHEMAS, value: {{ $v.channelSchemas | toJson | quote }}}
- {name: JAGAWANA_LOGS, value: json}
{{- if $v.caSecret }}
- {name: SSL_CERT_FILE, value: /secrets/ca.crt}
{{- end }}
- {name: JAGAWANA_METRICS_PORT, value: "9090"}
- {name: JAGAWANA_METRICS_HOST, value: 0.0.0.0}
{{- if include "jagawana.tells" . }}
- {name: JAGAWANA_AUDIENCE, value: /secrets/audience.toml}
{{- end }}
{{- if $login }}
- {name: JAGAWANA_KAFKA_CA, value: /secrets/kafka-ca.crt}
{{- if eq .room "migration" }}
- name: JAGAWANA_KAFKA_USER
  valueFrom: {secretKeyRef: {name: {{ $login }}, key: user}}
{{- else }}
- {name: JAGAWANA_KAFKA_USER, value: jagawana-{{ .room }}}
{{- end }}
{{- end }}
{{- if has .room (list "detect" "assess") }}
- name: JAGAWANA_INSTANCE
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end }}
{{- if eq .room "detect" }}
{{- include "jagawana.threads" "detect" | nindent 0 }}
{{- end }}
{{- if and (eq .room "relay") $v.kafka.signingSecret }}
- {name: JAGAWANA_SIGNING_KEY, value: /secrets/signing-key.json}
{{- end }}
{{- if ne .room "migration" }}
{{- with $v.objects.endpoint }}
- {name: AWS_ENDPOINT_URL, value: {{ . | quote }}}
{{- end }}
{{- with $v.objects.region }}
- {name: AWS_REGION, value: {{ . | quote }}}
{{- end }}
{{- with $v.objects.secret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ . }}, key: access-key-id}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: secret-access-key}}
{{- end }}
{{- end }}
{{- range $name, $value := $v.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- /* One folder of files that are settings: the database's address and, where a room speaks to Kafka, its password. */}}
{{- define "jagawana.secrets" -}}
{{- $v := .root.Values -}}
{{- $login := include "jagawana.login" . -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret: {name: {{ ternary ($v.database.migrationSecret | default $v.database.secret) $v.database.secret (eq .room "migration") }}, items: [{key: url, path: jagawana_database_url}]}
      {{- if $v.caSecret }}
      - secret: {name: {{ $v.caSecret }}, items: [{key: ca.crt, path: ca.crt}]}
      {{- end }}
      {{- if $login }}
      - secret: {name: {{ $login }}, items: [{key: {{ include "jagawana.passwordKey" . }}, path: jagawana_kafka_password}]}
      - secret: {name: {{ ternary (printf "%s-cluster-ca-cert" $v.strimzi.cluster) $v.kafka.caSecret (ne $v.strimzi.cluster "") }}, items: [{key: ca.crt, path: kafka-ca.crt}]}
      {{- end }}
      {{- if and (eq .room "relay") $v.kafka.signingSecret }}
      - secret: {name: {{ $v.kafka.signingSecret }}, items: [{key: signing-key.json, path: signing-key.json}]}
      {{- end }}
      {{- if include "jagawana.tells" . }}
      - secret: {name: {{ $v.audienceSecret }}, items: [{key: audience.toml, path: audience.toml}]}
      {{- end }}
{{- end }}

{{- define "jagawana.podLabels" -}}
{{ include "jagawana.labels" .root }}
app.kubernetes.io/component: {{ .room }}
{{- end }}

{{- /* The pod of a room. A room that makes no progress ends by itself and says so at /health/live before. */}}
{{- define "jagawana.template" -}}
{{- $v := .root.Values -}}
metadata:
  labels: {{- include "jagawana.podLabels" . | nindent 4 }}
  {{- with $v.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "jagawana.pod" . | nindent 2 }}
  containers:
    - name: {{ .room }}
      {{- include "jagawana.container" . | nindent 6 }}
      args: {{ .args | toJson }}
      env: {{- include "jagawana.env" . | nindent 8 }}
      ports:
        - {name: metrics, containerPort: 9090}
        {{- if eq .room "web" }}
        - {name: page, containerPort: 8080}
        {{- end }}
      startupProbe: {httpGet: {path: /health/live, port: metrics}, periodSeconds: 5, failureThreshold: 60, timeoutSeconds: 5}
      livenessProbe: {httpGet: {path: /health/live, port: metrics}, periodSeconds: 20, failureThreshold: 6, timeoutSeconds: 5}
      readinessProbe: {httpGet: {path: /health/ready, port: metrics}, periodSeconds: 10, failureThreshold: 3, timeoutSeconds: 5}
      resources: {{- include "jagawana.resources" . | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /data}
        - {name: tmp, mountPath: /tmp}
        - {name: secrets, mountPath: /secrets, readOnly: true}
        {{- if has .room (list "ingest" "detect") }}
        - {name: inbox, mountPath: /inbox, readOnly: true}
        {{- end }}
  volumes:
    - name: data
      emptyDir: {sizeLimit: {{ .spec.spool | default "2Gi" }}}
    - name: tmp
      emptyDir: {sizeLimit: 1Gi}
    {{- include "jagawana.secrets" . | nindent 4 }}
    {{- if has .room (list "ingest" "detect") }}
    - name: inbox
      persistentVolumeClaim: {claimName: {{ $v.inboxClaim }}, readOnly: true}
    {{- end }}
{{- end }}

{{- define "jagawana.resources" -}}
{{- $resources := deepCopy .spec.resources -}}
{{- with .spec.gpus }}{{ $_ := set $resources "limits" (set (default dict $resources.limits) "nvidia.com/gpu" (int .)) }}{{ end -}}
{{- toYaml $resources -}}
{{- end }}
