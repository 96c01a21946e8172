# bash completion of logscan, written by `make docs` from its options.

_logscan_words() { # words between which there are spaces, that begin as $2
    local word IFS=' '
    for word in $1; do
        [[ $word == "$2"* ]] && COMPREPLY+=("$word")
    done
}

_logscan_list() { # the same, after those that are there already, with commas between
    local before=""
    [[ $2 == *,* ]] && before="${2%%,*},"
    _logscan_words "$1" "${2##*,}"
    COMPREPLY=("${COMPREPLY[@]/#/$before}")
}

_logscan_paths() { # $1: files, or folders alone
    local path
    compopt -o filenames 2>/dev/null # bash 3 has none
    while IFS= read -r path; do
        COMPREPLY+=("$path")
    done < <(if [[ $1 == folder ]]; then compgen -d -- "$2"; else compgen -f -- "$2"; fi)
}

_logscan() {
    local word="${COMP_WORDS[COMP_CWORD]}" before="" command="" at=1
    ((COMP_CWORD)) && before="${COMP_WORDS[COMP_CWORD - 1]}"
    COMPREPLY=()
    if [[ $word == = ]]; then # bash takes --color=auto for three words
        word=""
    elif [[ $before == = ]]; then
        before="${COMP_WORDS[COMP_CWORD - 2]}"
    fi
    for ((; at < COMP_CWORD; at++)); do
        [[ ${COMP_WORDS[at]} != -* ]] && command="${COMP_WORDS[at]}" && break
    done
    case "$command" in
    '')
        if [[ $word == -* ]]; then
            _logscan_words "--version -h --help" "$word"
        else
            _logscan_words "scan train evaluate export templates inspect accept config completions man" "$word"
        fi
        ;;
    scan)
        case "$before" in
        --model) _logscan_paths folder "$word"; return ;;
        --baseline | --accepted | --html | --state | -c | --config) _logscan_paths file "$word"; return ;;
        --split-at | --since | --until | --session | --mask | --budget | --min-score | -C | --context | --tail | --metrics) return ;;
        --log-format) _logscan_words "journald docker json bgl thunderbird hdfs zookeeper kafka spark openstack openstack-bare python python-basic log4j log4j-level-first access apache-error nginx-error postgresql mysql redis cri klog android android-brief windows-cbs syslog-5424 syslog-iso syslog logfmt generic epoch plain" "$word"; return ;;
        --window) _logscan_words "auto session" "$word"; return ;;
        --format) _logscan_words "pretty grep json annotate html junit github" "$word"; return ;;
        --color) _logscan_words "auto always never" "$word"; return ;;
        esac
        if [[ $word == -* ]]; then
            _logscan_words "--model --baseline --split-at --accepted --since --until --log-format --session --window --mask --budget --min-score -C --context --format --json --html --redact --color --exit-code --stats --profile -f --follow --tail --from-start --state --metrics --progress --no-progress -c --config -h --help" "$word"
        else
            _logscan_paths file "$word"
        fi
        ;;
    train)
        case "$before" in
        -o | --output | --update) _logscan_paths folder "$word"; return ;;
        --detector) _logscan_words "baseline counts pca isolation-forest one-class-svm logcluster invariants deeplog loganomaly logbert logrobust cnn neurallog plelog rapid fastlogad logllama ensemble logllm bert llama-prompt" "$word"; return ;;
        --preset) _logscan_words "paper small" "$word"; return ;;
        --epochs | --set | --train-share | --limit | --prevalence | --seed | --session | --mask) return ;;
        -c | --config | --encoder | --llm | --write-pairs) _logscan_paths file "$word"; return ;;
        --protocol) _logscan_words "logllama logllm time" "$word"; return ;;
        --log-format) _logscan_words "journald docker json bgl thunderbird hdfs zookeeper kafka spark openstack openstack-bare python python-basic log4j log4j-level-first access apache-error nginx-error postgresql mysql redis cri klog android android-brief windows-cbs syslog-5424 syslog-iso syslog logfmt generic epoch plain" "$word"; return ;;
        --window) _logscan_words "auto session" "$word"; return ;;
        esac
        if [[ $word == -* ]]; then
            _logscan_words "-o --output --update --detector --preset --epochs --set -c --config --encoder --llm --include-base --protocol --resume --train-share --limit --prevalence --seed --log-format --session --window --mask --write-pairs --progress --no-progress -h --help" "$word"
        else
            _logscan_paths file "$word"
        fi
        ;;
    evaluate)
        case "$before" in
        --detector) _logscan_list "baseline counts pca isolation-forest one-class-svm logcluster invariants deeplog loganomaly logbert logrobust cnn neurallog plelog rapid fastlogad logllama ensemble logllm bert llama-prompt all" "$word"; return ;;
        --preset) _logscan_words "paper small" "$word"; return ;;
        --epochs | --set | --train-share | --limit | --seed | --seeds | --session | --mask | --prevalence) return ;;
        -c | --config | --encoder | --llm | --html) _logscan_paths file "$word"; return ;;
        --protocol) _logscan_words "logllama logllm time" "$word"; return ;;
        --log-format) _logscan_words "journald docker json bgl thunderbird hdfs zookeeper kafka spark openstack openstack-bare python python-basic log4j log4j-level-first access apache-error nginx-error postgresql mysql redis cri klog android android-brief windows-cbs syslog-5424 syslog-iso syslog logfmt generic epoch plain" "$word"; return ;;
        --window) _logscan_words "auto session" "$word"; return ;;
        --format) _logscan_words "table markdown json" "$word"; return ;;
        --plots) _logscan_paths folder "$word"; return ;;
        esac
        if [[ $word == -* ]]; then
            _logscan_words "--detector --preset --epochs --set -c --config --encoder --llm --protocol --train-share --limit --seed --seeds --log-format --session --window --mask --prevalence --format --plots --html --progress --no-progress -h --help" "$word"
        else
            _logscan_paths file "$word"
        fi
        ;;
    export)
        if [[ $word == -* ]]; then
            _logscan_words "--int8 -h --help" "$word"
        else
            _logscan_paths folder "$word"
        fi
        ;;
    templates)
        case "$before" in
        --log-format) _logscan_words "journald docker json bgl thunderbird hdfs zookeeper kafka spark openstack openstack-bare python python-basic log4j log4j-level-first access apache-error nginx-error postgresql mysql redis cri klog android android-brief windows-cbs syslog-5424 syslog-iso syslog logfmt generic epoch plain" "$word"; return ;;
        esac
        if [[ $word == -* ]]; then
            _logscan_words "--log-format --json -h --help" "$word"
        else
            _logscan_paths file "$word"
        fi
        ;;
    inspect)
        if [[ $word == -* ]]; then
            _logscan_words "--json -h --help" "$word"
        else
            _logscan_paths folder "$word"
        fi
        ;;
    accept)
        case "$before" in
        --note) return ;;
        --file) _logscan_paths file "$word"; return ;;
        esac
        if [[ $word == -* ]]; then
            _logscan_words "--note --file -h --help" "$word"
        fi
        ;;
    config)
        if [[ $word == -* ]]; then
            _logscan_words "--all --json -h --help" "$word"
        fi
        ;;
    completions)
        if [[ $word == -* ]]; then
            _logscan_words "-h --help" "$word"
        else
            _logscan_words "bash zsh fish" "$word"
        fi
        ;;
    man)
        if [[ $word == -* ]]; then
            _logscan_words "-h --help" "$word"
        else
            _logscan_words "scan train evaluate export templates inspect accept config completions man" "$word"
        fi
        ;;
    esac
} && complete -F _logscan logscan
