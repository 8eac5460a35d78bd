# Sourced by the benchmarks: `corpus msra/train.bio` prints where that file is, in datasets/ or in the mirror.
corpus() {
    local folder
    for folder in datasets "${MEDNER_MIRROR:-../shared/datasets}"; do
        if [ -e "$folder/$1" ]; then
            echo "$folder/$1"
            return 0
        fi
    done
    echo "$0: $1 is not here; fetch it with \`medner data fetch\`" >&2
    return 1
}
