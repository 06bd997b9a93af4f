#!/usr/bin/env bash
# Puts backfill on the PATH of the steps that follow: a release, checked before it is unpacked, or a
# build of the commit that the action itself is from.
#
# Takes INPUT_VERSION, INPUT_CHECKSUM and INPUT_REPOSITORY (whose action this is; empty: that of the
# workflow) beside what every runner sets. Keeps to what bash 3.2 knows, which macOS has.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)

# Ends the step with an annotation; its text may hold what others wrote.
refuse() {
  local text=$*
  text=${text//'%'/%25}
  text=${text//$'\r'/%0D}
  text=${text//$'\n'/%0A}
  printf '::error title=backfill::%s\n' "$text"
  exit 1
}

# A build runs the scripts of all dependencies; what signs in to Adobe is not theirs to read.
for variable in "${!AEP_@}"; do
  unset "$variable"
done

# Prints the version that the action's own Cargo.toml states.
own_version() {
  awk -F '"' '/^\[/ { package = /^\[package\]/ } package && /^version *=/ { print $2; exit }' "$root/Cargo.toml"
}

# Prints the SHA-256 of a file. From standard input, since a name with a backslash changes the form.
digest() {
  if command -v sha256sum >/dev/null; then
    sha256sum <"$1" | cut -d ' ' -f 1
  else
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  fi
}

# Tries again what may pass, and gives up at once where the server says that there is no such file.
download() {
  local url=$1 file=$2 try status
  for try in 1 2 3 4; do
    status=$(curl --silent --show-error --fail --location --proto "$protocols" --proto-redir "$protocols" \
      --connect-timeout 20 --max-time 300 --output "$file" --write-out '%{http_code}' "$url") && return
    case $status in
      401 | 403 | 404 | 410)
        refuse "could not download $url (HTTP status $status). Is there a release $version of $repository" \
          "for everyone to read? Otherwise use \`version: source\`, which builds backfill."
        ;;
    esac
    if ((try < 4)); then sleep $((2 * try)); fi
  done
  refuse "could not download $url in four tries (the last HTTP status was $status, the log has more)"
}

# Makes `folder` that of the released binary of `version`.
fetch_release() {
  local server target archive expected sum file actual
  [[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$ ]] ||
    refuse "\`version\` is auto, source, or a release such as v1.2.3, not: $version"
  [[ $repository =~ ^[0-9A-Za-z_.-]+/[0-9A-Za-z_.-]+$ ]] ||
    refuse "cannot tell whose release to download: \"$repository\" is no repository"
  server=${GITHUB_SERVER_URL:-https://github.com}
  server=${server%/}
  if [[ $server =~ ^https://[0-9A-Za-z.-]+(:[0-9]+)?$ ]]; then
    protocols="=https"
  elif [[ $server =~ ^http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?$ ]]; then
    protocols="=http,https"
  else
    refuse "releases are downloaded by https alone, not from $server"
  fi
  case ${RUNNER_OS:-}/${RUNNER_ARCH:-} in
    Linux/X64) target=x86_64-unknown-linux-gnu ;;
    Linux/ARM64) target=aarch64-unknown-linux-gnu ;;
    macOS/X64) target=x86_64-apple-darwin ;;
    macOS/ARM64) target=aarch64-apple-darwin ;;
    Windows/X64) target=x86_64-pc-windows-msvc ;;
    *)
      refuse "no release has a binary for this runner (${RUNNER_OS:-unknown} ${RUNNER_ARCH:-unknown});" \
        "\`version: source\` builds one"
      ;;
  esac
  command -v curl >/dev/null || refuse "curl is not installed on this runner: nothing can be downloaded"
  command -v sha256sum >/dev/null || command -v shasum >/dev/null ||
    refuse "neither sha256sum nor shasum is installed on this runner: a download cannot be checked"

  archive=backfill-$version-$target.tar.gz
  folder=${RUNNER_TEMP:?}/backfill/$version
  rm -rf "$folder"
  mkdir -p "$folder"
  # Relative names from here on: tar takes the colon of a Windows path for a host's name.
  cd "$folder"
  printf 'Downloading %s of %s\n' "$archive" "$repository"
  download "$server/$repository/releases/download/$version/SHA256SUMS" SHA256SUMS
  download "$server/$repository/releases/download/$version/$archive" "$archive"

  expected=
  while read -r sum file || [[ -n $sum ]]; do
    file=${file%$'\r'}
    if [[ ${file#\*} == "$archive" ]]; then expected=$expected$sum; fi
  done <SHA256SUMS
  # Named twice, it is 128 digits, which no file has.
  [[ $expected =~ ^[0-9a-f]{64}$ ]] || refuse "SHA256SUMS of $version of $repository does not name $archive once"
  actual=$(digest "$archive")
  [[ $actual == "$expected" ]] ||
    refuse "$archive is not what its release says: its SHA-256 is $actual, in SHA256SUMS it is $expected"
  [[ -z $checksum || $actual == "$checksum" ]] ||
    refuse "$archive is not what \`checksum\` says: its SHA-256 is $actual, not $checksum"

  tar --no-same-owner --strip-components=1 -xzf "$archive" || refuse "$archive cannot be unpacked"
  rm "$archive" SHA256SUMS
}

# Makes `folder` that of a binary built from the action's own repository.
build() {
  local built=yes
  command -v cargo >/dev/null ||
    refuse "\`version: source\` needs Rust on the runner, and cargo is not there; name a release instead"
  cd "$root"
  printf '::group::Build backfill\n'
  cargo build --release --locked || built=
  printf '::endgroup::\n'
  [[ -n $built ]] || refuse "backfill could not be built from $root; the log says why"
  folder=$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd)
}

version=${INPUT_VERSION:-auto}
checksum=$(printf '%s' "${INPUT_CHECKSUM:-}" | tr 'A-F' 'a-f')
[[ -z $checksum || $checksum =~ ^[0-9a-f]{64}$ ]] ||
  refuse "\`checksum\` is a SHA-256, 64 hexadecimal digits, not: $checksum"
repository=${INPUT_REPOSITORY:-}
if [[ $version == auto ]]; then
  if [[ -z $repository ]]; then version=source; else version=v$(own_version); fi
fi
repository=${repository:-${GITHUB_REPOSITORY:-}}

if [[ $version == source ]]; then
  [[ -z $checksum ]] || refuse "\`checksum\` is that of a release, and backfill is built from source here"
  build
else
  fetch_release
fi

# A binary for another system, or for a newer one, is better told here than by the step that applies.
says=$("$folder/backfill" --version) || refuse "the backfill in $folder does not run on this machine"
if command -v cygpath >/dev/null; then folder=$(cygpath -w "$folder"); fi
printf '%s\n' "$folder" >>"${GITHUB_PATH:?}"
printf '%s, in %s\n' "$says" "$folder"
