"""`python -m scripts.evaluate` on small catalogues with known answers, in process and by HTTP."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from PIL import Image

from scripts.draw_catalogue import main as draw_catalogue
from scripts.evaluate import main
from tests.support.labelled import COLOURS, write_labelled
from tests.tiny_model import write_tiny_model

EACH = 5  # fewer are all in one half


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The arguments that name a catalogue of squares of three colours, a model that sees colours, and a cache."""
    folder = tmp_path_factory.mktemp("squares")
    photos, labels = write_labelled(folder, EACH)
    model = write_tiny_model(folder / "model", size=16)
    cache = ["--cache", str(folder / "cache"), "--threads", "1"]
    return ["--photos", str(photos), "--labels", str(labels), "--model", str(model), *cache]


def results(printed: str) -> dict[tuple[str, str, str], float]:
    lines = json.loads(printed)["results"]
    return {(line["measure"], line["of"], line["system"]): line["value"] for line in lines}


def test_answers_of_known_worth_have_that_worth(squares, capsys):
    assert main([*squares, "-k", "3", "--queries", "6", "--json"]) == 0
    found = results(capsys.readouterr().out)
    # Each square's three nearest are the others of its colour. Numbers, names and the shop tell nothing.
    assert found["precision@3", "colour", "Lookalike"] == 1
    assert {of for measure, of, _ in found if measure == "precision@3"} == {"colour"}
    assert found["precision@3", "colour", "random"] < 0.7
    assert found["in the first 5", "blur", "Lookalike"] == 1
    assert found["in the first 5", "blur", "random"] < 1
    assert 0 <= found["ROC AUC", "no match", "Lookalike"] <= 1
    assert {system for _, _, system in found} == {"Lookalike", "mean colour", "random"}


def test_the_same_seed_gives_the_same_numbers(squares, capsys):
    printed = []
    for _ in range(2):
        assert main([*squares, "--queries", "3", "--json", "--half", "report"]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_the_page_and_the_sheet_stand_alone(squares, tmp_path, capsys):
    page, sheet = tmp_path / "page.html", tmp_path / "sheet.jpg"
    assert main([*squares, "--queries", "2", "--page", str(page), "--sheet", str(sheet)]) == 0
    table = capsys.readouterr().out
    assert re.search(r"precision@5 +\| colour +\| 15 ", table)
    html = page.read_text()
    assert "<b>red-0</b> &amp;" not in html
    assert "&lt;b&gt;red-0&lt;/b&gt; &amp; more" in html
    assert not re.search(r"<script|<link|<iframe|https?://", html)
    assert set(re.findall(r'src="([^;"]*)', html)) == {"data:image/jpeg"}
    with Image.open(sheet) as picture:
        assert picture.height > picture.width


def test_the_drawn_catalogue_is_measured_by_its_pairs_and_with_other_photos(tmp_path, capsys):
    drawn = tmp_path / "drawn"
    assert draw_catalogue(["--out", str(drawn), "--count", "12", "--size", "60"]) == 0
    model = write_tiny_model(tmp_path / "model", size=16)
    catalogue = ["--photos", str(drawn / "images"), "--labels", str(drawn / "labels.csv")]
    options = ["--model", str(model), "--cache", str(tmp_path / "cache"), "--threads", "1", "--queries", "3", "--json"]
    capsys.readouterr()
    measures = ["--measures", "labels", "other-photos", "--other-photos", str(drawn / "images")]
    assert main([*catalogue, *options, *measures, "--pairs", "type+colour"]) == 0
    found = results(capsys.readouterr().out)
    assert found["first", "another photo", "Lookalike"] == 1  # they are the catalogue's own
    assert {measure for measure, _, _ in found} == {"precision@5", "first", "in the first 5"}
    pair = found["precision@5", "type+colour", "Lookalike"]
    assert pair <= min(found["precision@5", "type", "Lookalike"], found["precision@5", "colour", "Lookalike"])


class Service(BaseHTTPRequestHandler):
    """Answers as Lookalike would that finds the other squares of a colour, nearest number first, and calls all photos red."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = [unquote(part) for part in urlsplit(self.path).path.split("/")]
        if parts[3] not in self.server.products:
            self._answer(404, {})
        elif parts[-1] == "similar":
            colour = parts[3].split("-")[0]
            self._found([name for name in self.server.products if name.startswith(colour) and name != parts[3]])
        else:
            self._answer(200, {"product_id": parts[3]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._found([name for name in self.server.products if name.startswith("red")])

    def _found(self, names: list[str]) -> None:
        parameters = parse_qs(urlsplit(self.path).query)
        self.server.weights.update(parameters.get("weights", []))
        k = int(parameters["k"][0])
        self._answer(200, {"results": [{"product_id": name, "distance": 0.5} for name in names[:k]]})

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def service() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.products = [f"{colour}-{shade}" for colour in COLOURS for shade in range(EACH)]
    server.weights = set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_address_is_asked_for_stored_products_and_with_photos(squares, service, capsys):
    service.products.remove("blue-4")  # a photo that was rejected there
    address = f"http://127.0.0.1:{service.server_port}/"
    arguments = [*squares, "-k", "2", "--queries", "20", "--api", address, "--weights", "colour:2", "--json"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    found = results(printed)
    assert found["precision@2", "colour", "Lookalike"] == 1
    assert found["in the first 5", "blur", "Lookalike"] == pytest.approx(5 / 14)
    assert found["first", "blur", "Lookalike"] == pytest.approx(1 / 14)
    assert service.weights == {"colour:2"}
    assert json.loads(printed)["times_ms"]["median"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pairs", "colour+size"], "colour"),
        (["--attributes", "size"], "no column size"),
        (["--weights", "sound:2"], "sound"),
        (["--weights", "shape"], "colour:2"),
        (["--api", "http://127.0.0.1:9"], "make demo"),
        (["--model", "nowhere"], "make model"),
        (["--other-photos", "nowhere.zip"], "nowhere.zip does not exist"),
    ],
)
def test_an_error_says_what_to_do(squares, capsys, arguments, said):
    assert main([*squares, *arguments]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_without_labels_there_is_nothing_to_compare(squares, capsys):
    assert main(squares[:2]) == 2
    assert "--labels" in capsys.readouterr().err
