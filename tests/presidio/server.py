"""Presidio's analyzer over HTTP, for tests.

Presidio's own server (`app.py` of its repository) is in no package, so the few lines that put
the engine behind `POST /analyze` stand here; engine, recognizers, request and answer are the
package's. It runs without a language model (the package's `no_op` configuration): patterns and
check digits work, names of people are found by a deny-list, which is Presidio's way to add
some of one's own.

Listens on a free port of loopback, prints it, and ends when its standard input does.
"""

import json
import sys
import threading
from pathlib import Path

import presidio_analyzer
import tldextract
from flask import Flask, Response, jsonify, request
from presidio_analyzer import (
    AnalyzerEngineProvider,
    AnalyzerRequest,
    BatchAnalyzerEngine,
    PatternRecognizer,
)
from werkzeug.serving import WSGIRequestHandler, make_server

NAMES = ["Zoë Ångström", "Ann Other", "山田太郎"]

# The list of public suffixes that the package brings; by itself it would fetch the newest.
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())


def engine():
    conf = Path(presidio_analyzer.__file__).parent / "conf" / "no_op.yaml"
    analyzer = AnalyzerEngineProvider(nlp_engine_conf_file=conf).create_engine()
    names = PatternRecognizer(supported_entity="PERSON", deny_list=NAMES)
    analyzer.registry.add_recognizer(names)
    return analyzer


def application(analyzer):
    app = Flask("presidio")
    batch = BatchAnalyzerEngine(analyzer)

    @app.post("/analyze")
    def analyze():
        try:
            asked = AnalyzerRequest(request.get_json())
            if not asked.text or not asked.language:
                raise ValueError("No text or no language provided")
            analyzer.get_supported_entities(asked.language)
            many = isinstance(asked.text, list)
            found = batch.analyze_iterator(
                texts=asked.text if many else [asked.text],
                language=asked.language,
                entities=asked.entities,
                score_threshold=asked.score_threshold,
            )
            results = [[hit.to_dict() for hit in hits] for hits in found]
        except Exception as error:
            return jsonify(error=str(error)), 500
        for hit in (hit for hits in results for hit in hits):
            hit.pop("recognition_metadata", None)
        answer = json.dumps(results if many else results[0], default=vars)
        return Response(answer, content_type="application/json")

    return app


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        """Says nothing of what it is asked."""


def main():
    app = application(engine())
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, flush=True)
    sys.stdin.read()


main()
