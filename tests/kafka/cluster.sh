#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real Apache Kafka for tests, without containers: ./dev kafka start|stop|status|env.
#
# Jars come from Maven Central (pom.xml beside this file), once per version. Node 1 is broker and
# controller in one; node 2, if asked for, a broker only, so that one broker can be stopped with
# SIGSTOP and the cluster lives on. Everything listens on 127.0.0.1 only.
#
#   build/kafka/VERSION/libs     the jars
#   build/kafka/run-NAME/        one cluster: env (what `env` prints), node-N.properties, node-N.log
#   build/kafka/run-NAME/data-N  its data, or DIR/data-N with --dir
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
base=${LIVECTR_KAFKA_BASE:-$(cd "$here/../.." && pwd)/build/kafka}
cluster_id=bGl2ZWN0ci10ZXN0cy0wMQ
start_seconds=90

say() { printf '%s\n' "$*" >&2; }
die() {
    say "kafka: $*"
    exit 1
}

usage() {
    cat <<'TEXT'
Usage: ./dev kafka start [--name NAME] [--version V] [--brokers 1|2] [--port N] [--dir DIR]
                         [--through PORT] [--set KEY=VALUE]...
       ./dev kafka revive [--name NAME]
       ./dev kafka stop [--name NAME | --all]
       ./dev kafka status
       ./dev kafka env [--name NAME]
       ./dev kafka fetch [--version V]

Runs a real Apache Kafka (KRaft, Java 17) on this machine for tests. Several run side by side, each
under its own name.

  start   fetches the jars if needed (about 55 MB a version), starts, waits until every broker
          answers; the last line of stdout is the bootstrap address, all else goes to stderr
  revive  starts the brokers of a cluster that have ended (killed, say) again, with their data
  stop    ends the brokers and removes their data
  status  one line per cluster and broker: name, version, state, pids, ports
  env     KAFKA_BOOTSTRAP, KAFKA_PID_1, KAFKA_PORT_1, ... as lines for a shell
  fetch   only fetches the jars

  --name NAME     which cluster (default: default)
  --version V     3.9.1 (default) or 4.1.1; others that Maven Central has may work
  --brokers N     1 (default), or 2: the second is a broker only, so it can be stopped (SIGSTOP)
  --port N        port of broker 1; broker 2 gets N+1, the controller N+2 (default: free ones)
  --dir DIR       where the data lies (default: build/kafka/run-NAME)
  --through PORT  broker 1 listens on one more port (KAFKA_THROUGH_PORT in env) and tells its
                  clients there to come to PORT, where a proxy of the caller's stands
  --set KEY=VALUE a setting of the brokers; may be given again

Topics are not created by themselves; nothing is ever deleted by age; any timestamp is accepted.
TEXT
}

# ---- arguments ---------------------------------------------------------------------------------

name=default version=3.9.1 brokers=1 port=0 dir='' all=no through=0 settings=''

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --all) all=yes ;;
        --name | --version | --brokers | --port | --dir | --through | --set)
            [ $# -ge 2 ] || die "$1 needs a value"
            case $1 in
            --name) name=$2 ;;
            --version) version=$2 ;;
            --brokers) brokers=$2 ;;
            --port) port=$2 ;;
            --dir) dir=$2 ;;
            --through) through=$2 ;;
            --set) settings+=$2$'\n' ;;
            esac
            shift
            ;;
        *) die "unknown argument '$1' (see ./dev kafka --help)" ;;
        esac
        shift
    done
    [[ $name =~ ^[A-Za-z0-9._-]+$ ]] || die "--name takes letters, digits, dot, dash, underscore"
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "--version takes a version like 3.9.1"
    [[ $brokers =~ ^[12]$ ]] || die "--brokers takes 1 or 2"
    [[ $port =~ ^[0-9]{1,5}$ ]] || die "--port takes a number"
    [[ $through =~ ^[0-9]{1,5}$ ]] || die "--through takes a number"
    run=$base/run-$name
}

# ---- jars --------------------------------------------------------------------------------------

# Fetches the jars of $version unless they are there. Two callers at once: one fetches, one waits.
fetch() {
    local libs=$base/$version/libs try
    mkdir -p "$base/$version"
    (
        flock 9
        [ ! -f "$libs/.complete" ] || exit 0
        for try in 1 2 3; do
            say "kafka: fetching Apache Kafka $version from Maven Central"
            rm -rf "$libs"
            if mvn -q -B -Dstyle.color=never -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
                -Dkafka.version="$version" -DoutputDirectory="$libs" </dev/null >&2; then
                touch "$libs/.complete"
                say "kafka: $(find "$libs" -name '*.jar' | wc -l) jars," \
                    "$(du -sm "$libs" | cut -f1) MB in build/kafka/$version/libs"
                exit 0
            fi
            say "kafka: try $try of 3 failed"
        done
        exit 1
    ) 9>"$base/$version/lock" || die "the jars of Apache Kafka $version could not be fetched"
}

# ---- ports and processes -----------------------------------------------------------------------

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Sets $free to a port that nobody listens on, below the range outgoing connections use.
free_port() {
    local try
    for try in {1..200}; do
        free=$((15000 + RANDOM % 15000))
        case " ${ports[*]-} " in *" $free "*) continue ;; esac
        port_taken "$free" || return 0
    done
    die "no free port found in $try tries"
}

# The process is there, not a zombie, and is the broker of this cluster, not a later user of the pid.
alive() {
    local pid=$1 node=$2
    [ -r "/proc/$pid/cmdline" ] && tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null |
        grep -qxF "$run/node-$node.properties"
}

properties() { # node port controller_port data
    local roles=broker listeners="PLAINTEXT://127.0.0.1:$2" advertised="PLAINTEXT://127.0.0.1:$2"
    if [ "$1" = 1 ]; then
        roles=broker,controller
        listeners+=",CONTROLLER://127.0.0.1:$3"
        if [ "$through" != 0 ]; then
            listeners+=",THROUGH://127.0.0.1:$through_port"
            advertised+=",THROUGH://127.0.0.1:$through"
        fi
    fi
    cat <<TEXT
process.roles=$roles
node.id=$1
controller.quorum.voters=1@127.0.0.1:$3
controller.listener.names=CONTROLLER
listeners=$listeners
advertised.listeners=$advertised
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,THROUGH:PLAINTEXT
log.dirs=$4
# Tests say which topics exist; replays carry old timestamps, which must neither be deleted by age
# nor refused (Kafka 4 refuses records dated an hour ahead).
auto.create.topics.enable=false
log.retention.ms=-1
log.message.timestamp.after.max.ms=9223372036854775807
num.partitions=1
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
# Small: two cores, a gigabyte at most.
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
$settings
TEXT
}

java_node() { # node class arguments: runs in place of this shell
    local node=$1
    shift
    exec java -Xms128m -Xmx1g -XX:+UseSerialGC -XX:TieredStopAtLevel="${tier:-4}" -Djava.awt.headless=true \
        -Dorg.slf4j.simpleLogger.showDateTime=true \
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS" \
        -Dorg.slf4j.simpleLogger.showLogName=false -Dlivectr.node="$node" \
        -cp "$base/$version/libs/*" "$@"
}

format() { # node
    (tier=1 java_node "$1" kafka.tools.StorageTool format -t "$cluster_id" \
        -c "$run/node-$1.properties") >"$run/format-$1.log" 2>&1 </dev/null
}

# ---- verbs -------------------------------------------------------------------------------------

give_up() {
    local node
    say "kafka: $1; the end of its log:"
    for node in 1 2; do
        [ ! -f "$run/node-$node.log" ] || tail -n 15 "$run/node-$node.log" >&2
        [ ! -f "$run/format-$node.log" ] || tail -n 5 "$run/format-$node.log" >&2
    done
    exit 1
}

# A start that does not end well (failure, Ctrl-C) leaves nothing behind.
abandon() {
    local pid
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    stop_one
}

# A value for a shell: plain where it can be, so that other readers have it easy too.
quoted() {
    if [[ $1 =~ ^[A-Za-z0-9_./:,-]+$ ]]; then
        printf '%s' "$1"
    else
        printf '%q' "$1"
    fi
}

write_env() {
    local node bootstrap=''
    for node in $(seq "$brokers"); do
        bootstrap+=${bootstrap:+,}127.0.0.1:${ports[$node]}
    done
    {
        echo "KAFKA_NAME=$name"
        echo "KAFKA_VERSION=$version"
        echo "KAFKA_BOOTSTRAP=$bootstrap"
        echo "KAFKA_BROKERS=$brokers"
        echo "KAFKA_DATA=$(quoted "$data")"
        echo "KAFKA_CONTROLLER_PORT=${ports[0]}"
        [ "$through" = 0 ] || echo "KAFKA_THROUGH_PORT=$through_port"
        for node in $(seq "$brokers"); do
            echo "KAFKA_PID_$node=${pids[$node]}"
            echo "KAFKA_PORT_$node=${ports[$node]}"
            echo "KAFKA_LOG_$node=$(quoted "$run/node-$node.log")"
        done
    } >"$run/env.new"
    mv "$run/env.new" "$run/env"
}

# Reads one value of the cluster in $run.
get() (
    # shellcheck disable=SC1091
    . "$run/env"
    printf '%s' "${!1}"
)

choose_ports() {
    local node free
    ports=()
    if [ "$port" != 0 ]; then
        ports=([1]=$port [2]=$((port + 1)) [0]=$((port + 2)))
        for node in 0 $(seq "$brokers"); do
            ! port_taken "${ports[$node]}" || die "port ${ports[$node]} is taken"
        done
        return
    fi
    for node in 0 $(seq "$brokers"); do
        free_port
        ports[node]=$free
    done
}

run_node() { # node
    export -f java_node
    base=$base version=$version setsid bash -c 'java_node "$@"' node "$1" kafka.Kafka \
        "$run/node-$1.properties" >>"$run/node-$1.log" 2>&1 </dev/null &
    pids[$1]=$!
}

# Waits until every broker answers and sees all the others; looks, never guesses.
await_ready() {
    local node deadline=$((SECONDS + start_seconds)) seen=''
    until seen=$(python3 "$here/probe.py" "$brokers" "${ports[@]:1:$brokers}" 2>&1); do
        for node in $(seq "$brokers"); do
            alive "${pids[$node]}" "$node" || give_up "broker $node ended while starting"
        done
        [ "$SECONDS" -lt "$deadline" ] || give_up "not ready after $start_seconds s ($seen)"
        sleep 0.1
    done
}

start() {
    local node begun jobs=() job free
    fetch
    begun=$EPOCHREALTIME
    forget_dead
    mkdir "$run" 2>/dev/null || die "'$name' exists already: ./dev kafka stop --name $name first"
    pids=()
    trap abandon EXIT
    trap 'exit 130' INT TERM
    data=${dir:-$run}
    mkdir -p "$data"
    data=$(cd "$data" && pwd)
    choose_ports
    free_port
    through_port=$free
    for node in $(seq "$brokers"); do
        rm -rf "$data/data-$node"
        properties "$node" "${ports[$node]}" "${ports[0]}" "$data/data-$node" >"$run/node-$node.properties"
        format "$node" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do
        wait "$job" || give_up "formatting failed"
    done
    for node in $(seq "$brokers"); do
        run_node "$node"
    done
    write_env
    await_ready
    trap - EXIT
    awk -v a="$begun" -v b="$EPOCHREALTIME" -v v="$version" -v n="$brokers" -v name="$name" 'BEGIN {
        printf "kafka: %s: Apache Kafka %s, %d broker(s), ready in %.1f s\n", name, v, n, b - a }' >&2
    get KAFKA_BOOTSTRAP
    echo
}

revive() {
    local node
    [ -f "$run/env" ] || die "there is no '$name' (./dev kafka status)"
    version=$(get KAFKA_VERSION) brokers=$(get KAFKA_BROKERS) data=$(get KAFKA_DATA)
    ports=([0]=$(get KAFKA_CONTROLLER_PORT)) pids=()
    through_port=$(sed -n 's/^KAFKA_THROUGH_PORT=//p' "$run/env")
    through=${through_port:-0}
    for node in $(seq "$brokers"); do
        ports[node]=$(get "KAFKA_PORT_$node")
        pids[node]=$(get "KAFKA_PID_$node")
        alive "${pids[$node]}" "$node" || run_node "$node"
    done
    write_env
    await_ready
}

# Removes a cluster of this name whose brokers are all gone (the machine was restarted, say).
forget_dead() {
    local node
    [ -f "$run/env" ] || return 0
    for node in $(seq "$(get KAFKA_BROKERS)"); do
        ! alive "$(get "KAFKA_PID_$node")" "$node" || return 0
    done
    stop_one
}

# Ends and removes the cluster in $run. It holds nothing worth keeping: SIGKILL, also when stopped.
stop_one() {
    local node pid data_at count
    name=${run##*/run-}
    if [ -f "$run/env" ]; then
        count=$(get KAFKA_BROKERS)
        data_at=$(get KAFKA_DATA)
        for node in $(seq "$count"); do
            pid=$(get "KAFKA_PID_$node")
            if alive "$pid" "$node"; then
                kill -KILL "$pid" 2>/dev/null || true
                while alive "$pid" "$node"; do sleep 0.02; done
            fi
            rm -rf "${data_at:?}/data-$node"
        done
    fi
    rm -rf "$run"
}

stop() {
    local found=no
    if [ "$all" = yes ]; then
        for run in "$base"/run-*/; do
            run=${run%/}
            [ -d "$run" ] || continue
            found=yes
            stop_one
            say "kafka: $name stopped"
        done
        [ "$found" = yes ] || say "kafka: none is running"
        return
    fi
    [ -d "$run" ] || die "there is no '$name' (./dev kafka status)"
    stop_one
    say "kafka: $name stopped"
}

state_of() { # pid node
    alive "$1" "$2" || {
        echo dead
        return
    }
    case $(sed 's/.*) //' "/proc/$1/stat" | cut -c1) in
    T) echo stopped ;;
    *) echo running ;;
    esac
}

status() {
    local node pid port_at count found=no version_at
    for run in "$base"/run-*/; do
        run=${run%/}
        [ -f "$run/env" ] || continue
        [ "$found" = yes ] || printf '%-14s %-8s %-6s %-8s %-8s %s\n' NAME VERSION BROKER STATE PID ADDRESS
        found=yes
        name=${run##*/run-}
        count=$(get KAFKA_BROKERS)
        version_at=$(get KAFKA_VERSION)
        for node in $(seq "$count"); do
            pid=$(get "KAFKA_PID_$node")
            port_at=$(get "KAFKA_PORT_$node")
            printf '%-14s %-8s %-6s %-8s %-8s %s\n' "$name" "$version_at" "$node" \
                "$(state_of "$pid" "$node")" "$pid" "127.0.0.1:$port_at"
        done
    done
    [ "$found" = yes ] || echo 'no Kafka is running'
}

main() {
    local verb=${1:---help}
    [ $# -eq 0 ] || shift
    case $verb in
    start | revive | stop | status | fetch) parse "$@" && "$verb" ;;
    env)
        parse "$@"
        [ -f "$run/env" ] || die "there is no '$name' (./dev kafka status)"
        cat "$run/env"
        ;;
    -h | --help) usage ;;
    *) die "unknown verb '$verb' (see ./dev kafka --help)" ;;
    esac
}

main "$@"
