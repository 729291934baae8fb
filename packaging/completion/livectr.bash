# SPDX-License-Identifier: Apache-2.0
# bash completion for livectr, made by ./dev docs of service/verbs.c and service/config_table.c.
# shellcheck shell=bash
_livectr() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local verb=${COMP_WORDS[1]-} words='' kind=words
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'serve demo get top replay snapshot token help version' -- "$word")
        return
    fi
    case $verb in
    serve) words=' --config --help --brokers --topics --start --discover_interval --probe_interval --gap --log_changed --stall_after --field_type --field_ts --field_page --field_box --field_visitor --field_id --view_types --click_types --max_record_bytes --windows --clock --settle --late --future --page_impressions --people_horizon --dedup_horizon --lateness --click_gap --filter --scout_after --scout_window --max_memory --max_keys --max_held --max_visitors --max_ids --max_minutes --max_connections --connections_per_address --shed_after --max_exports --max_streams --listen --admin_listen --http_threads --ready_lag --ready_timeout --drain --access_log --access_log_sample --access_log_format --access_log_query --tokens --open --tls_cert --tls_key --admin_tls --cors_origins --data_dir --hash_key --keep_minutes --keep_hours --snapshot_interval --snapshot_copies --log_level' ;;
    demo) words=' --seconds --rate --seed --window --kafka --help' ;;
    get) words=' --page --box --window --json --url --token-file --ca-file --timeout --help' ;;
    top) words=' --level --by --window --page --min-impressions --url --token-file --ca-file --interval --once --help' ;;
    replay) words=' --brokers --topic --split-topics --create --partition-by --config --dry-run --map --set --from --until --csv --separator --click-if --click-after --speed --rate --offline --dump --format --output --help' kind=words_or_files ;;
    snapshot) words='info verify export --help' kind=words_or_files ;;
    token) words=' --name --scope --expires --help' ;;
    *) return ;;
    esac
    case "$verb $before" in
    'serve --config') kind=files ;;
    'serve --brokers') kind=none ;;
    'serve --topics') kind=none ;;
    'serve --start') kind=none ;;
    'serve --discover_interval') kind=none ;;
    'serve --probe_interval') kind=none ;;
    'serve --gap') kind=words words='continue stop' ;;
    'serve --log_changed') kind=words words='stop restart' ;;
    'serve --stall_after') kind=none ;;
    'serve --field_type') kind=none ;;
    'serve --field_ts') kind=none ;;
    'serve --field_page') kind=none ;;
    'serve --field_box') kind=none ;;
    'serve --field_visitor') kind=none ;;
    'serve --field_id') kind=none ;;
    'serve --view_types') kind=none ;;
    'serve --click_types') kind=none ;;
    'serve --max_record_bytes') kind=none ;;
    'serve --windows') kind=none ;;
    'serve --clock') kind=words words='wall event' ;;
    'serve --settle') kind=none ;;
    'serve --late') kind=none ;;
    'serve --future') kind=none ;;
    'serve --page_impressions') kind=words words='page_views box_views' ;;
    'serve --people_horizon') kind=none ;;
    'serve --dedup_horizon') kind=none ;;
    'serve --lateness') kind=none ;;
    'serve --click_gap') kind=none ;;
    'serve --filter') kind=none ;;
    'serve --scout_after') kind=none ;;
    'serve --scout_window') kind=none ;;
    'serve --max_memory') kind=none ;;
    'serve --max_keys') kind=none ;;
    'serve --max_held') kind=none ;;
    'serve --max_visitors') kind=none ;;
    'serve --max_ids') kind=none ;;
    'serve --max_minutes') kind=none ;;
    'serve --max_connections') kind=none ;;
    'serve --connections_per_address') kind=none ;;
    'serve --shed_after') kind=none ;;
    'serve --max_exports') kind=none ;;
    'serve --max_streams') kind=none ;;
    'serve --listen') kind=none ;;
    'serve --admin_listen') kind=none ;;
    'serve --http_threads') kind=none ;;
    'serve --ready_lag') kind=none ;;
    'serve --ready_timeout') kind=none ;;
    'serve --drain') kind=none ;;
    'serve --access_log') kind=words words='off sampled all' ;;
    'serve --access_log_sample') kind=none ;;
    'serve --access_log_format') kind=words words='logfmt json' ;;
    'serve --access_log_query') kind=words words='no yes' ;;
    'serve --tokens') kind=files ;;
    'serve --open') kind=words words='no yes' ;;
    'serve --tls_cert') kind=files ;;
    'serve --tls_key') kind=files ;;
    'serve --admin_tls') kind=words words='no yes' ;;
    'serve --cors_origins') kind=none ;;
    'serve --data_dir') kind=folders ;;
    'serve --hash_key') kind=files ;;
    'serve --keep_minutes') kind=none ;;
    'serve --keep_hours') kind=none ;;
    'serve --snapshot_interval') kind=none ;;
    'serve --snapshot_copies') kind=none ;;
    'serve --log_level') kind=words words='error warn info debug' ;;
    'demo --seconds') kind=none ;;
    'demo --rate') kind=none ;;
    'demo --seed') kind=none ;;
    'demo --window') kind=words words='1m 10m 20m 1h 24h' ;;
    'demo --kafka') kind=none ;;
    'get --page') kind=none ;;
    'get --box') kind=none ;;
    'get --window') kind=words words='1m 10m 1h 24h' ;;
    'get --url') kind=none ;;
    'get --token-file') kind=files ;;
    'get --ca-file') kind=files ;;
    'get --timeout') kind=none ;;
    'top --level') kind=words words='page box placement' ;;
    'top --by') kind=words words='ctr_low ctr clicks impressions unique_ctr smoothed_ctr rise fall' ;;
    'top --window') kind=words words='1m 10m 1h 24h' ;;
    'top --page') kind=none ;;
    'top --min-impressions') kind=none ;;
    'top --url') kind=none ;;
    'top --token-file') kind=files ;;
    'top --ca-file') kind=files ;;
    'top --interval') kind=none ;;
    'replay --brokers') kind=none ;;
    'replay --topic') kind=none ;;
    'replay --split-topics') kind=none ;;
    'replay --create') kind=none ;;
    'replay --partition-by') kind=words words='visitor page none' ;;
    'replay --config') kind=files ;;
    'replay --map') kind=none ;;
    'replay --set') kind=none ;;
    'replay --from') kind=none ;;
    'replay --until') kind=none ;;
    'replay --separator') kind=none ;;
    'replay --click-if') kind=none ;;
    'replay --click-after') kind=none ;;
    'replay --speed') kind=none ;;
    'replay --rate') kind=none ;;
    'replay --dump') kind=files ;;
    'replay --format') kind=words words='ndjson csv' ;;
    'replay --output') kind=files ;;
    'token --name') kind=none ;;
    'token --scope') kind=words words='read stream export admin' ;;
    'token --expires') kind=none ;;
    esac
    case $kind in
    words) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word") ;;
    words_or_files) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word"; compgen -f -- "$word") ;;
    files) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    folders) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
    esac
}
complete -o filenames -F _livectr livectr
