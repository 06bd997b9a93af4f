#!/usr/bin/env bash
# Turns the action's inputs into arguments, and becomes backfill: there is no shell left that a signal
# could end in its place.
#
# Takes INPUT_COMMAND, INPUT_ARGS, INPUT_FLOW, INPUT_LIMIT, INPUT_MAX_NEW, INPUT_CONFIG, INPUT_STATE,
# INPUT_SANDBOX, INPUT_REPORT, INPUT_PATHS and INPUT_DISPATCH. Keeps to what bash 3.2 knows, which macOS has.
set -euo pipefail

# Ends the step with an annotation; its text may hold what others wrote.
refuse() {
  local text=$*
  text=${text//'%'/%25}
  text=${text//$'\r'/%0D}
  text=${text//$'\n'/%0A}
  printf '::error title=backfill::%s\n' "$text"
  exit 3
}

# Inputs of a dispatch come from whoever may start the workflow, and GitHub's API takes line breaks in them.
# Where a workflow writes one into `args`, as those of earlier versions did, what follows the break would be a
# flag of its own: an endpoint that gets the token, or another state. In JSON such characters are escaped, and
# two backslashes are one that escapes nothing.
dispatch=${INPUT_DISPATCH:-}
dispatch=${dispatch//\\\\/}
control='\\([bfnrt]|u00[01]|u007[fF]|u00[89])'
if [[ $dispatch =~ $control || $dispatch == *$'\177'* ]]; then
  refuse "an input that this workflow was started with holds a line break or another control character:" \
    "nothing was done"
fi

if [[ ! ${INPUT_COMMAND:-} =~ ^[a-z][a-z-]*$ ]]; then
  refuse "\`command\` is one verb of backfill, such as plan; its flags go into \`args\`. It is: ${INPUT_COMMAND:-}"
fi
arguments=("$INPUT_COMMAND")

while IFS= read -r line; do
  line=${line%$'\r'}
  # Nothing, or a flag whose value a workflow left empty.
  if [[ ! $line =~ [^[:space:]] || $line =~ ^--[a-z-]+=$ ]]; then continue; fi
  arguments+=("$line")
done <<<"${INPUT_ARGS:-}"

# An input of its own is one argument, and is checked before it becomes one.
flag() {
  local name=$1 value=$2 pattern=$3 what=$4
  if [[ -z $value ]]; then return; fi
  [[ $value =~ $pattern ]] || refuse "\`$name\` is $what, not: $value"
  arguments+=("--$name=$value")
}
number='^[0-9]{1,9}$'
one_line='^[^[:cntrl:]]+$'
flag flow "${INPUT_FLOW:-}" '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' "the id of a flow"
flag limit "${INPUT_LIMIT:-}" "$number" "a number of runs"
flag max-new "${INPUT_MAX_NEW:-}" "$number" "a number of runs"
flag config "${INPUT_CONFIG:-}" "$one_line" "a path in one line"
flag state "${INPUT_STATE:-}" "$one_line" "a place in one line"
flag sandbox "${INPUT_SANDBOX:-}" '^[0-9A-Za-z_-]+$' "the name of a sandbox"
flag report "${INPUT_REPORT:-}" "$one_line" "a path in one line"

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
