#!/usr/bin/env bash
# Calls every endpoint of the five legacy REST APIs with curl, as its document's
# example does, on a Logbook of its own, and prints what is sent and answered. Only
# host, tokens and ids differ from the documents, and page sizes never do. Where a
# document shows a refusal that can be provoked, that is called too.
#
# The Logbook is built from this folder and served on a free port from a temporary
# SQLite database, with the real logs of ../shared/data/ndjson where they are (or
# those of the folder named as the first argument), else the built-in sample, and
# with the few rows that the documents' examples show.
#
# Fails where an answer's status, the values that it must begin with, or the names and
# the order of its fields are not the document's. Needs Go, curl, Node and what every
# machine has.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-../shared/data/ndjson}
export LC_ALL=C.UTF-8

command -v node >/dev/null || { echo "demo/legacy.sh: Node is missing; it reads the answers' fields" >&2; exit 1; }
scratch=$(mktemp -d)
server=
finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	rm -rf "$scratch"
}
trap finish EXIT

say() { printf '\n## %s\n' "$*"; }
random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# The Logbook.

say "Building, loading, starting"
while IFS= read -r name; do unset "$name"; done < <(compgen -v LOGBOOK_ || true) # it shall be like any other
export LOGBOOK_DB=sqlite:$scratch/demo.db
LOGBOOK_ADMIN_TOKEN=$(random)
export LOGBOOK_ADMIN_TOKEN
go build -o "$scratch/logbook" .
logbook=$scratch/logbook

sample=--demo
if [ -r "$data/entries.ndjson.gz" ]; then
	sample=
	for kind in entries audit operations usage api-calls; do
		printf '%-11s' "$kind"
		"$logbook" import --kind "$kind" "$data/$kind.ndjson.gz" 2>&1
	done
fi
"$logbook" serve --addr 127.0.0.1:0 $sample >"$scratch/out" 2>"$scratch/err" &
server=$!
host=
for _ in $(seq 300); do
	host=$(sed -n 's/^Logbook listens on //p' "$scratch/out")
	[ -n "$host" ] && curl -fsS "$host/readyz" >/dev/null 2>&1 && break
	kill -0 "$server" 2>/dev/null || { cat "$scratch/err"; exit 1; }
	sleep 0.1
done
cat "$scratch/out"

# The documents' rows, under ids that neither the real logs nor the sample have.

rows() { # rows KIND, lines on standard input
	printf '%-11s' "$1"
	"$logbook" import --kind "$1" - 2>&1
}
gateway_key=$(random)
user_token=$(random)
admin_token=$(random)
reader_token=$(random) # holds the permissions of hertz and trae, and nothing else
rows users <<-END
	{"id":900001,"username":"testuser","role":"user"}
	{"id":900002,"username":"admin","role":"admin","aliases":{"scitiger":"550e8400-e29b-41d4-a716-446655440003"}}
END
rows tokens <<-END
	{"id":900001,"user_id":900001,"name":"api_token","key":"sk-$gateway_key"}
	{"id":900002,"user_id":900001,"name":"user's","key":"$user_token","role":"user"}
	{"id":900003,"user_id":900002,"name":"administrator's","key":"$admin_token","role":"admin"}
	{"id":900004,"user_id":900001,"name":"reader's","key":"$reader_token","role":"viewer","permissions":["system:log:list","system:log:query","audit"]}
END
rows usage <<-END
	{"id":900001,"user_id":900001,"created_at":1640995000,"type":2,"content":"API调用成功","username":"testuser","token_name":"api_token","model_name":"gpt-4","quota":1000,"prompt_tokens":50,"completion_tokens":100,"use_time":2,"is_stream":false,"channel_id":1,"channel_name":"OpenAI渠道","token_id":900001,"group":"default","ip":"192.168.1.1","other":"{\"model_ratio\":15.0}"}
	{"id":900002,"user_id":900001,"created_at":1640995001,"type":4,"content":"API调用错误: error","username":"testuser","token_name":"api_token","token_id":900001}
	{"id":900003,"user_id":900001,"created_at":1640908799,"type":1,"content":"充值","username":"testuser"}
END
tenant_id=550e8400-e29b-41d4-a716-446655440001
category_id=550e8400-e29b-41d4-a716-446655440002
log_id=550e8400-e29b-41d4-a716-446655440000
rows entries <<-END
	{"id":"$log_id","tenant_id":"$tenant_id","tenant_name":"示例租户","category_id":"$category_id","category_name":"系统日志","category_code":"system","level":"info","message":"用户登录成功","source":"auth_service","user_id":"550e8400-e29b-41d4-a716-446655440003","username":"admin","ip_address":"192.168.1.1","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36","request_id":"req-123456","metadata":{"browser":"Chrome","os":"Windows","device":"Desktop"},"timestamp":"2023-06-15T08:30:45Z"}
	{"tenant_id":"$tenant_id","category_id":"$category_id","message":"四月的日志","timestamp":"2023-04-30T23:59:59Z"}
END
rows audit <<-END
	{"id":"log_900001","key":"SignIn.Password","payload":{"username":"john_doe","result":"success","session_id":"sess_abc123"},"user_id":"usr_abc123","application_id":"app_001","ip":"192.168.1.100","user_agent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36","created_at":"2025-06-15T10:30:00Z"}
END
rows operations <<-END
	{"log_id":901001,"user":1,"username":"admin","action_type":"login","module":"认证","description":"用户登录","target_model":null,"target_id":null,"ip_address":"127.0.0.1","user_agent":"Mozilla/5.0","request_data":{"username":"admin"},"response_status":200,"status":1,"created_at":"2025-11-17T08:30:00Z"}
END
rows api-calls <<-END
	{"log_id":"900123","app_id":"AK1234567890ab5678","api_path":"/openapi/v1/users","http_method":"GET","source_ip":"1.2.3.4","status_code":200,"operation_time":1700000000}
END
# A policy of the documents' tenant alone, so that apply_retention_policies has work.
curl -fsS "$host/graphql" -H "Authorization: Bearer $LOGBOOK_ADMIN_TOKEN" -H 'Content-Type: application/json' \
	-d "{\"query\":\"mutation { createRetentionPolicy(input: {name: \\\"demo\\\", tenantId: \\\"$tenant_id\\\", days: 365}) { __typename } }\"}" |
	grep -q '"CreateRetentionPolicyPayload"'

# Calls.

calls=0 wrong=0

# indented gives the answer indented, where the machine has something that does so.
indented() {
	jq . "$scratch/body" 2>/dev/null ||
		python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin), indent=2, ensure_ascii=False))' <"$scratch/body" 2>/dev/null ||
		cat "$scratch/body"
}

# pretty shows the answer, of a long one and of long lines the beginning.
pretty() {
	local line shown=0
	indented | while IFS= read -r line; do
		shown=$((shown + 1))
		if [ $shown -le 40 ]; then
			[ ${#line} -le 200 ] || line="${line:0:200} …"
			printf '  %s\n' "$line"
		elif [ $shown = 41 ]; then
			printf '  …\n'
		fi
	done
}

# quoted prints words as a shell would read them.
quoted() {
	local word
	for word; do
		case $word in
		*[!A-Za-z0-9_-]*) printf " '%s'" "${word//\'/\'\\\'\'}" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
}

# call WHAT STATUS BEGINNING FIELDS PATH CURL-ARGUMENT… holds the answer's status, the
# first values of its body, and its fields as fields.mjs reads them, against the
# document's.
call() {
	local what=$1 want=$2 beginning=$3 fields=$4 path=$5 status different
	shift 5
	calls=$((calls + 1))
	say "$what"
	printf curl
	quoted "$host$path" "$@"
	status=$(curl -sS -o "$scratch/body" -w '%{http_code}' "$host$path" "$@")
	printf '%s\n' "$status"
	pretty
	if [ "$status" != "$want" ] || [ "$(head -c ${#beginning} "$scratch/body")" != "$beginning" ]; then
		wrong=$((wrong + 1))
		echo "WRONG: the document has $want and $beginning…"
	elif ! different=$(node demo/fields.mjs "$fields" <"$scratch/body" 2>&1); then
		wrong=$((wrong + 1))
		echo "WRONG: $different; the document has $fields"
	fi
}

json='Content-Type: application/json'

say "newapi: 日志模块"
ok='{"success":true,"message":"","data":' failed='{"success":false,"message":"'
user=(-H "$json" -H "Authorization: Bearer $user_token" -H 'New-Api-User: 900001')
admin=(-H "$json" -H "Authorization: Bearer $admin_token" -H 'New-Api-User: 900002')
filters='type=2&start_timestamp=1640908800&end_timestamp=1640995200'
# Every list has whole items; the shorter examples show parts. The original's own page
# reads channel, too.
item='id user_id created_at type content username token_name model_name quota prompt_tokens completion_tokens use_time is_stream channel_id channel channel_name token_id group ip other'
call "根据 Token 查询日志" 200 "$ok" "success message data[$item]" \
	"/api/log/token?key=$gateway_key" -X GET -H "$json"
call "根据 Token 查询日志, 失败" 200 "$failed" "success message" \
	"/api/log/token?key=unknown" -X GET -H "$json"
call "我的日志统计" 200 "$ok" "success message data{quota rpm tpm}" \
	"/api/log/self/stat?$filters&token_name=api_token&model_name=gpt-4&group=default" -X GET "${user[@]}"
call "获取我的日志" 200 "$ok" "success message data{items[$item] total page page_size}" \
	"/api/log/self?p=1&page_size=20&$filters&token_name=api_token&model_name=gpt-4&group=default" -X GET "${user[@]}"
call "搜索我的日志" 200 "$ok" "success message data[$item]" \
	"/api/log/self/search?keyword=gpt-4" -X GET "${user[@]}"
call "获取全部日志" 200 "$ok" "success message data{items[$item] total page page_size}" \
	"/api/log/?p=1&page_size=20&$filters&username=testuser&token_name=api_token&model_name=gpt-4&channel=1&group=default" -X GET "${admin[@]}"
call "删除历史日志" 200 "$ok" "success message data" \
	"/api/log/?target_timestamp=1640908800" -X DELETE "${admin[@]}"
call "删除历史日志, 失败" 200 "$failed" "success message" \
	"/api/log/" -X DELETE "${admin[@]}"
call "日志统计" 200 "$ok" "success message data{quota rpm tpm}" \
	"/api/log/stat?$filters&username=testuser&token_name=api_token&model_name=gpt-4&channel=1&group=default" -X GET "${admin[@]}"
call "搜索全部日志" 200 "$ok" "success message data[$item]" \
	"/api/log/search?keyword=error" -X GET "${admin[@]}"

say "scitiger: 日志条目管理API"
ok='{"success":true,"results":' done='{"success":true,"message":"' failed='{"success":false,"message":"'
entries=/api/management/logs/entries/
admin=(-H "Authorization: Bearer $admin_token")
# What an entry does not have is absent: the documents' own has everything.
call "1. 获取日志条目列表" 200 "$ok" "success results{results[id tenant_id? tenant_name? category_id? category_name? category_code? level message source user_id? username? ip_address request_id timestamp] pagination{page page_size total total_pages}}" \
	"$entries" -X GET "${admin[@]}"
call "1. 获取日志条目列表, 401" 401 "$failed" "success message" \
	"$entries" -X GET
call "2. 获取日志条目详情" 200 "$ok" "success results{id tenant_id tenant_name category_id category_name category_code level message source user_id username ip_address user_agent request_id metadata timestamp}" \
	"$entries$log_id/" -X GET "${admin[@]}"
call "2. 获取日志条目详情, 404" 404 "$failed" "success message" \
	"${entries}550e8400-e29b-41d4-a716-44665544ffff/" -X GET "${admin[@]}"
call "3. 创建日志条目" 201 "$done" "success message results{id message level category_id category_name tenant_id tenant_name source metadata timestamp}" \
	"$entries" -X POST "${admin[@]}" -H "$json" -d '{
    "message": "系统配置更新",
    "level": "info",
    "category_id": "'$category_id'",
    "tenant_id": "'$tenant_id'",
    "source": "system_service",
    "metadata": {
        "config_name": "email_settings",
        "changed_by": "admin"
    }
}'
call "4. 批量创建日志条目" 201 "$done" "success message results[id message level category_id category_name tenant_id tenant_name user_id username source timestamp]" \
	"${entries}batch_create/" -X POST "${admin[@]}" -H "$json" -d '{
    "logs": [
        {
            "message": "用户登录",
            "level": "info",
            "category_id": "'$category_id'",
            "tenant_id": "'$tenant_id'",
            "user_id": "550e8400-e29b-41d4-a716-446655440003",
            "source": "auth_service"
        },
        {
            "message": "权限变更",
            "level": "warning",
            "category_id": "'$category_id'",
            "tenant_id": "'$tenant_id'",
            "user_id": "550e8400-e29b-41d4-a716-446655440003",
            "source": "auth_service"
        }
    ]
}'
call "5. 删除日志" 200 "$done" "success message results{deleted_count}" \
	"${entries}delete_logs/" -X POST "${admin[@]}" -H "$json" -d '{
    "tenant_id": "'$tenant_id'",
    "category_id": "'$category_id'",
    "before_date": "2023-05-01T00:00:00Z"
}'
call "5. 删除日志, 400" 400 "$failed" "success message" \
	"${entries}delete_logs/" -X POST "${admin[@]}" -H "$json" -d '{}'
call "6. 应用日志保留策略" 200 "$done" "success message results{deleted_count}" \
	"${entries}apply_retention_policies/" -X POST "${admin[@]}"
call "7. 获取日志统计信息" 200 "$ok" "success results{total_logs logs_by_level{debug info warning error critical} logs_by_category daily_stats[date count by_level{debug info warning error critical}]}" \
	"${entries}stats/" -X GET "${admin[@]}"

say "codebird: 审计日志 API"
ok='{"code":0,"message":"success","result":'
call "获取日志列表" 200 "$ok" "code message result{data[id key payload user_id application_id ip user_agent created_at] total page page_size}" \
	"/api/v1/logs?page=1&page_size=10" -X GET "${admin[@]}"
call "获取日志详情" 200 "$ok" "code message result{id key payload user_id application_id ip user_agent created_at}" \
	"/api/v1/logs/log_900001" -X GET "${admin[@]}"
call "获取日志详情, 404" 404 '{"code":404,"message":"' "code message result" \
	"/api/v1/logs/log_unknown" -X GET "${admin[@]}"

say "hertz: Hertz Studio Django 日志模块接口文档"
ok='{"success":true,"code":200,"message":"'
reader=(-H "Authorization: Bearer $reader_token")
call "获取操作日志列表" 200 "$ok" "success code message data{logs[log_id username action_type action_type_display module description ip_address response_status status status_display is_success created_at] pagination{page page_size total_count total_pages has_next has_previous}}" \
	"/api/log/list/?username=admin&action_type=login&page=1&page_size=10" "${reader[@]}"
call "获取操作日志详情" 200 "$ok" "success code message data{log_id user username action_type action_type_display module description target_model target_id ip_address user_agent request_data formatted_request_data response_status status status_display is_success created_at}" \
	"/api/log/detail/901001/" "${reader[@]}"

say "trae: OpenAPI 调用日志"
ok='{"code":0,"message":"success","request_id":"'
call "获取 OpenAPI 调用日志" 200 "$ok" "code message request_id data{items[log_id app_id api_path http_method source_ip status_code operation_time] pagination{page page_size total total_pages}}" \
	"/openapi/v1/audit/openapi-logs?start_time=1700000000&end_time=1700086400&page=1&page_size=50" -X GET "${reader[@]}"

say "Stopping"
kill "$server"
wait "$server" || { echo "the server did not end well"; cat "$scratch/err"; exit 1; }
server=
echo "$calls calls, $wrong of them not as the documents say"
[ "$wrong" = 0 ]
