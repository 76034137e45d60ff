#!/usr/bin/env bash
# Fetches what the tests of the engines need: Prism, built by Go, and the jars of Beam's Flink job
# server, by Maven. A file that is there is not fetched again, so CI can keep the folder.
set -euo pipefail
cd "$(dirname "$0")"
engines=${RECORDMILL_ENGINES:-$HOME/.cache/recordmill-engines}
beam=2.77.0
mkdir -p "$engines"

if [ ! -x "$engines/prism" ]; then
	echo "building Prism into $engines (minutes, the first time)"
	GOBIN="$engines" GOFLAGS=-modcacherw go install "github.com/apache/beam/sdks/v2/go/cmd/prism@v$beam"
fi
if [ ! -e "$engines/flink/complete" ]; then
	echo "fetching the jars of Flink's job server into $engines/flink (157 MB)"
	mvn --quiet --batch-mode -f flink-pom.xml dependency:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory="$engines/flink"
	touch "$engines/flink/complete"
fi
echo "the engines are in $engines"
