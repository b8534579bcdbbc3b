#!/bin/sh
# All of nntool on three tables of this folder: two classes, ten classes, a number.
# Takes nntool from PATH (make demo sees to that) and writes into demo/, anew each time.
set -eu
cd "$(dirname -- "$0")/.."

# Show a command as one would type it, then run it. None ends in a pipe: a shell reports only
# the last command of one, and a demo that fails must not look well.
run() {
    printf '\n$ %s\n' "$1"
    eval "$1"
}

say() {
    printf '\n\n# %s\n' "$1"
}

# The last ten rows stay out of training, to be the new ones; the target is still in them.
keep_ten_for_later() {
    lines=$(wc -l < "sample_data/$1.csv")
    run "head -n $((lines - 10)) sample_data/$1.csv > demo/$1-known.csv"
    run "(head -n 1 sample_data/$1.csv; tail -n 10 sample_data/$1.csv) > demo/$1-new.csv"
}

command -v nntool > /dev/null || {
    printf '%s\n' "nntool is not on PATH. 'make demo' installs it and runs this script." >&2
    exit 127
}
rm -rf demo
mkdir demo

say 'Two classes, step by step: which customers leave? Ten rows are kept out, to be predicted.'
keep_ten_for_later customers
run 'nntool clean demo/customers demo/customers-known.csv --target churned'
run 'nntool transform demo/customers'
run 'nntool select-features demo/customers'
run 'nntool split demo/customers'
run 'nntool train demo/customers'
run 'nntool evaluate demo/customers'
run 'nntool status demo/customers'
say 'New customers have no answer yet: the last column, the target, goes.'
run 'cut -d, -f1-12 demo/customers-new.csv > demo/customers-unanswered.csv'
run 'nntool predict demo/customers demo/customers-unanswered.csv --id customer'

say 'Ten classes, by one command: which digit is it? The true one is put in front.'
keep_ten_for_later digits
run 'nntool run demo/digits --data demo/digits-known.csv --target digit'
run 'nntool evaluate demo/digits'
run 'nntool predict demo/digits demo/digits-new.csv --id digit --output demo/digits-predicted.csv'
run 'cut -d, -f1-2 demo/digits-predicted.csv'

say 'A number, by one command: how far has the disease gone? The true one is put in front.'
keep_ten_for_later diabetes
run 'nntool run demo/diabetes --data demo/diabetes-known.csv --target disease_progression'
run 'nntool evaluate demo/diabetes'
run 'nntool predict demo/diabetes demo/diabetes-new.csv --id disease_progression'
