#!/usr/bin/env bash
# Turns the action's inputs into arguments, and becomes backfill: there is no shell left that a signal
# could end in its place.
#
# Takes INPUT_COMMAND, INPUT_ARGS, INPUT_CONFIG, INPUT_STATE, INPUT_SANDBOX, INPUT_REPORT and
# INPUT_PATHS. Keeps to what bash 3.2 knows, which macOS has.
set -euo pipefail

if [[ ! ${INPUT_COMMAND:-} =~ ^[a-z][a-z-]*$ ]]; then
  text="\`command\` is one verb of backfill, such as plan; its flags go into \`args\`. It is: ${INPUT_COMMAND:-}"
  text=${text//'%'/%25}
  text=${text//$'\r'/%0D}
  text=${text//$'\n'/%0A}
  printf '::error title=backfill::%s\n' "$text"
  exit 3
fi
arguments=("$INPUT_COMMAND")

while IFS= read -r line; do
  line=${line%$'\r'}
  # Nothing, or a flag whose value a workflow left empty.
  if [[ ! $line =~ [^[:space:]] || $line =~ ^--[a-z-]+=$ ]]; then continue; fi
  arguments+=("$line")
done <<<"${INPUT_ARGS:-}"

flag() {
  if [[ -n $2 ]]; then arguments+=("--$1=$2"); fi
}
flag config "${INPUT_CONFIG:-}"
flag state "${INPUT_STATE:-}"
flag sandbox "${INPUT_SANDBOX:-}"
flag report "${INPUT_REPORT:-}"

# Behind `--` a path is a path, whatever it begins with.
separated=
while IFS= read -r line; do
  line=${line%$'\r'}
  if [[ ! $line =~ [^[:space:]] ]]; then continue; fi
  if [[ -z $separated ]]; then arguments+=(--); fi
  separated=yes
  arguments+=("$line")
done <<<"${INPUT_PATHS:-}"

# Quoted, and never at the beginning of a line: the runner takes lines of the log for commands.
{ printf 'backfill' && printf ' %q' "${arguments[@]}" && printf '\n'; } >&2
exec backfill "${arguments[@]}"
