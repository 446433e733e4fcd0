"""Passwords, keys and signatures: refused where they would be stored, in nothing that is written or shown."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from relsym.app import entry
from relsym.app.tracking.wandb import _public
from relsym.app.values.secrets import check_secrets, storable
from relsym.app.values.suggest import unread, with_near_matches
from relsym.data.sources.endpoint import Endpoint
from relsym.runs.credentials import holds_secret, masked, public

SECRET = "hunter22hunter33"
SIGNED = f"https://me:{SECRET}@example.org/triples.tsv?X-Amz-Date=7&X-Amz-Signature={SECRET}"
NAMES_OF_SECRETS = (
    "tokens",
    "api_keys",
    "token2",
    "access_token_1",
    "token%5B0%5D",
    "bearer",
    "secret_value",
    "otp",
    "apiKey",
    "APIKey",
    "APIkey",
    "accesstoken",
    "AWSAccessKeyId",
    "X-Amz-Signature",
    "sessionId",
    "PASSWORD",
    "user.pass",
    "userPass",
    "auth",
    "sig",
    "key",
)
HARMLESS_PARAMETERS = (
    "revision=8f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c",
    "version=8F1E2D3C4B5A69788796A5B4C3D2E1F00F1E2D3C",
    "of=8f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c8f1e2d3c4b5a69788796a5b4",
    "uuid=123e4567-e89b-12d3-a456-426614174000",
    "of=123e4567-e89b-12d3-a456-426614174000",
    "doi=10.5281/zenodo.1234567",
    "table=symmetric_relations_2024",
    "path=data/2024/relations.csv",
    "sort_key=name",
    "sortKeys=name",
    "max_tokens=5",
    "monkey=1",
    "compass=n",
    "policy=open",
    "md5=0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "next=https%3A%2F%2Fexample.org%2Ff%3Fpage%3D2",
)
URLS = "data.urls=[{url: '${oc.env:SIGNED}', sha256: unverified}]"


def files_with(secret: str, folder: Path) -> list[Path]:
    """The files below a folder that hold a text, in their content or their name."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    assert paths
    return [path for path in paths if secret in path.name or secret.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    "text",
    [
        f"https://me:{SECRET}@example.org/sparql",
        f"https://{SECRET}@example.org/sparql",
        "https://me:pass/word@example.org/sparql",
        "https://me:p@ssword@example.org/sparql",
        f"//me:{SECRET}@example.org/sparql",
        f"me:{SECRET}@example.org/sparql",
        f"http://me:{SECRET}@proxy.example.org:3128",
        f"https://example.org/f?X-Amz-Signature={SECRET}",
        f"https://example.org/f?sv=2&sp=r&sig={SECRET}%3D",
        "https://example.org/f?a=1&api_key=x",
        "https://example.org/f?AWSAccessKeyId=x",
        "https://example.org/f?access_token=x",
        "https://example.org/f#access_token=x",
        "https://example.org/f?code=4f0c2a9be1d34f0c2a9be1d3",
        f"${{oc.env:NAME,https://me:{SECRET}@example.org}}",
        "https://me:${oc.env:NAME}tail@example.org",
        f"data.endpoint=https://a.example.org,https://me:{SECRET}@b.example.org",
        f"data.urls=[{{url: https://example.org/f?token={SECRET}, sha256: unverified}}]",
        f"https://h:9/v1;token={SECRET}",
        f"http:/u:{SECRET}@h:9/v1",
        f"http:\\\\u:{SECRET}@h",
        f"127.0.0.1:9/v1?token={SECRET}",
        f"http://u:p'{SECRET}@h",
        f'http://u:p"{SECRET}@h',
        f"u:{SECRET}/abc@proxy.org:3128",
        f"u:{SECRET}@[::1]:80/x",
        f"https=u:{SECRET}@h:80",
        f"https://h/x?next=https%3A%2F%2Fh%2Fy%3Ftoken%3D{SECRET}",
        f"https://h/x?next=https%253A%252F%252Fh%252Fy%253Ftoken%253D{SECRET}",
        f"https://h/x?next=https://u:{SECRET}@h/y",
        f"//u:{SECRET}@h/x",
        f"u:{SECRET}@h:80",
        f"u:{SECRET}@localhost",
        f"u:{SECRET}@10.0.0.1",
        f"${{oc.env:NAME,u:{SECRET}@h.org}}",
        *(f"https://h/x?a=1&{name}={SECRET}" for name in NAMES_OF_SECRETS),
    ],
)
def test_a_secret_in_an_address_is_seen_and_never_shown(text):
    assert holds_secret(text)
    shown = masked(f"no answer from {text} (port 80)")
    assert SECRET not in shown
    assert "word" not in shown
    if "${" not in text:
        # What is shown holds nothing more that would have to be masked.
        assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://query.wikidata.org/sparql",
        "http://localhost:8000/v1",
        "https://example.org/sparql?default-graph-uri=http://example.org/graph",
        "https://example.org/f?download=1",
        "https://example.org/@someone/file",
        "https://example.org:8000/a@b",
        "${oc.env:NAME}",
        "https://${oc.env:USER}:${oc.env:NAME}@example.org/sparql",
        "https://example.org/f?sig=${oc.env:NAME}",
        "https://${oc.env:HOST}:${oc.env:PORT}/v1",
        "seed=range(0,3)",
        "part?.tsv",
        "my-study (me@example.org)",
        "mailto:me@example.org",
        "package.module:name",
        "P131",
        "https://mirror.org/get?file=wikidata5m_raw_data_2024.tar.gz",
        "https://drive.google.com/uc?export=download&id=1A2bC3dE4fG5hI6jK7lM8nO9pQ",
        "tracking.name=exp:1@gpu",
        "12:30:05@host",
        "P26:Q5@en.label",
        "relsym.mod:Class@v1",
        "sha256:0123456789abcdef@x",
        "${oc.env:NAME,me@x.org}",
        "${oc.env:NAME,run@v1}",
        "contact:me@example.org",
        "localhost:8000/a@b.org",
        "models:/name@champion.x",
        "SELECT ?key=1",
        *(f"https://example.org/f?{parameter}" for parameter in HARMLESS_PARAMETERS),
    ],
)
def test_an_address_without_a_secret_is_no_reason_to_refuse(text):
    assert not holds_secret(text)


def test_people_are_shown_no_query_and_no_value_of_a_secret_variable(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    monkeypatch.setenv("SSH_KEY", "/home/me/.ssh/id")
    said = f"exceeded with url: /f?X-Amz-Signature=abc (Caused by X) {SECRET} /home/me/.ssh/id part?.tsv"
    assert masked(said) == "exceeded with url: /f?*** (Caused by X) *** /home/me/.ssh/id part?.tsv"
    assert masked("https://me:pw@example.org/f?a=1") == "https://***@example.org/f?***"


def test_a_new_signature_is_the_same_address():
    first = public("https://me:a@example.org/f?part=2&sv=1&se=2026-01-01&sig=abc")
    assert first == public("https://you:b@example.org/f?part=2&sv=1&se=2027-01-01&sig=def")
    assert first == "https://example.org/f?part=2"
    plain = "https://example.org/sparql?default-graph-uri=http://example.org/graph&se=1"
    assert public(plain) == plain


def test_a_configuration_with_a_secret_is_refused_by_its_key_and_never_repeated():
    cfg = OmegaConf.create({"data": {"urls": [{"url": SIGNED}], "endpoint": f"https://a:{SECRET}@b.org"}})
    with pytest.raises(ValueError, match=r"^data.urls.0.url, data.endpoint: .*oc.env:NAME") as refused:
        check_secrets(cfg)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.body.api_key", SECRET),
        ("model.api_key", SECRET),
        ("model.headers.Authorization", f"Bearer {SECRET}"),
        ("hydra.job.env_set.HF_TOKEN", SECRET),
        ("model.key_env", SECRET),
        ("model.key_env", "sk-test-0123"),
        ("model.body.user", f"${{oc.env:HF_TOKEN,{SECRET}}}"),
    ],
)
def test_a_secret_under_a_key_that_is_called_so_is_refused(key, value):
    cfg = OmegaConf.create({})
    OmegaConf.update(cfg, key, value)
    with pytest.raises(ValueError, match=rf"^{key}: .*environment variable") as refused:
        check_secrets(cfg)
    assert SECRET not in str(refused.value)
    words = OmegaConf.create({"hydra": {"overrides": {"task": [f"+{key}={value}"]}}})
    with pytest.raises(ValueError, match=rf"^{key}: .*environment variable"):
        check_secrets(words)
    if "${" in value:  # under a key that is not called as secrets are
        return
    assert SECRET not in unread(key, f"{key}={value}") + with_near_matches(
        f"Could not override '{key}'.\nTo append to your config use +{key}={value}"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.body.api_key", "${oc.env:MY_KEY}"),
        ("model.body.api_key", ""),
        ("model.body.api_key", "${oc.env:HF_TOKEN,null}"),
        ("model.body.user", "${oc.env:NAME,run@v1}"),
        ("model.key_env", "MY_KEY"),
        ("model.key_env", "${oc.env:WHICH}"),
        ("model.max_tokens", "16"),
        ("model.body.stop_token", "</s>"),
        ("forgetting.data.on_bad_row_key", "forgetting.on_bad_row"),
        ("data.sort_key", "name"),
    ],
)
def test_what_only_looks_like_the_key_of_a_secret_is_taken(key, value):
    cfg = OmegaConf.create({"hydra": {"overrides": {"task": [f"+{key}={value}"]}}})
    OmegaConf.update(cfg, key, value)
    check_secrets(cfg)


@pytest.mark.parametrize(
    "asked", ["${oc.env:HF_TOKEN}", "${oc.env:'HF_TOKEN'}", '${oc.env:"HF_TOKEN"}', "${oc.env:${oc.env:TT}}"]
)
def test_a_variable_is_stored_as_it_is_written_however_it_is_named(asked, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("TT", "HF_TOKEN")
    cfg = OmegaConf.create({"model": {"user": asked, "shown": "${model.user}"}})
    assert storable(cfg) == {"model": {"user": asked, "shown": "${model.user}"}}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://u:{SECRET}@h/x?apiKey=1", "https://h/x"),
        ("https://wandb.ai/me/relsym/runs/1?a=1#b", "https://wandb.ai/me/relsym/runs/1"),
        (None, None),
    ],
)
def test_the_stored_url_of_a_tracked_run_holds_no_secret(url, shown):
    assert _public(url) == shown


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (f"https://me:{SECRET}/x@example.org/f", "https://example.org/f"),
        (f"https://example.org/f;token={SECRET}?a=1", "https://example.org/f?a=1"),
        ("https://example.org/f?file=wikidata5m_raw_2024.tar.gz", None),
    ],
)
def test_what_an_address_is_about_holds_no_secret(url, kept):
    assert public(url) == (kept or url)


def test_what_is_stored_names_the_variable_and_is_the_same_configuration_again(monkeypatch):
    monkeypatch.setenv("SIGNED", SIGNED)
    monkeypatch.setenv("PASSWORD", SECRET)
    monkeypatch.setenv("LATER", "2027")
    monkeypatch.setenv("FOLDER", "/data/wikidata")
    monkeypatch.setenv("HOST", "localhost")
    cfg = OmegaConf.create(
        {
            "data": {
                "folder": "${oc.env:FOLDER}",
                "urls": [{"url": "${oc.env:SIGNED}", "sha256": "unverified"}],
                "reader": {"urls": "${data.urls}", "folder": "${data.folder}", "limit": 5},
                "module": {"reader": "${data.reader}", "samples": 5},
            },
            "model": {
                "url": "http://${oc.env:HOST}:8000/v1",
                "other": "https://example.org/f?when=${oc.env:LATER}",
                "body": {"user": "${oc.env:PASSWORD}"},
            },
        }
    )
    check_secrets(cfg)
    stored = storable(cfg)
    assert stored["data"]["folder"] == stored["data"]["reader"]["folder"] == "/data/wikidata"
    assert stored["data"]["urls"] == [{"url": "${oc.env:SIGNED}", "sha256": "unverified"}]
    assert stored["data"]["module"] == {"reader": "${data.reader}", "samples": 5}
    assert stored["model"] == {
        "url": "http://localhost:8000/v1",
        "other": "https://example.org/f?when=${oc.env:LATER}",
        "body": {"user": "${oc.env:PASSWORD}"},
    }
    again = OmegaConf.create(yaml.safe_load(yaml.safe_dump(stored)))
    assert OmegaConf.to_container(again, resolve=True) == OmegaConf.to_container(cfg, resolve=True)
    assert storable(again) == stored


@pytest.mark.parametrize(
    "words",
    [
        ("train", "data=wikidata_sparql", f"data.endpoint=https://me:{SECRET}@example.org/sparql"),
        ("build", "data=wikidata_sparql", f"data.endpoint='https://example.org/sparql?api_key={SECRET}'"),
        ("train", "data=wikidata5m", f"data.urls=[{{url: '{SIGNED}', sha256: unverified}}]"),
        ("evaluate", "model=openai_compatible", f"model.url=https://{SECRET}@example.org/v1"),
        ("export", "data=nli", f"data.hub=https://me:{SECRET}@example.org"),
        ("report", f"inputs=https://me:{SECRET}@example.org"),
        # Hydra refuses this word by repeating it.
        ("train", f"data.nothing=https://me:{SECRET}@example.org"),
        ("train", "-m", f"init=https://me:{SECRET}@example.org,https://b.example.org", "seed=1"),
    ],
    ids=["endpoint", "query", "urls", "server", "hub", "inputs", "no key", "sweep"],
)
def test_a_literal_secret_is_refused_before_anything_is_written(relsym, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    task, *overrides = words
    ended = relsym(task, *overrides)
    assert ended.code == 1
    assert ended.err.count("relsym: error:") == 1
    assert SECRET not in ended.out + ended.err
    assert list(tmp_path.iterdir()) == []


def test_no_file_and_no_line_of_a_run_holds_a_secret_of_the_environment(
    relsym, quick, triples_folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("SIGNED", SIGNED)
    monkeypatch.setenv("WANDB_MODE", "offline")
    ended = relsym(
        "train", *quick, "tracking=wandb", "data=wikidata5m", f"data.folder={triples_folder}", URLS
    )
    assert ended.code == 0, ended.err
    assert "https://***@example.org/triples.tsv?*** is taken unverified" in ended.out + ended.err
    assert SECRET not in ended.out + ended.err
    assert files_with(SECRET, tmp_path) == []
    stored = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert stored["data"]["urls"] == [{"url": "${oc.env:SIGNED}", "sha256": "unverified"}]
    # Whoever gets the folder can use it, without the variable.
    monkeypatch.delenv("SIGNED")
    words = ("model=run", f"model.folder={tmp_path / 'run'}", "tracking=none", "data.test_pairs=40")
    again = relsym("evaluate", *words, f"hydra.run.dir={tmp_path / 'evaluation'}")
    assert again.code == 0, again.err


def test_no_file_of_a_benchmark_and_no_error_holds_a_secret_of_the_environment(
    relsym, triples_folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("SIGNED", SIGNED)
    out = tmp_path / "out"
    words = ("build", "data=wikidata5m", f"data.folder={triples_folder}", f"hydra.run.dir={out}")
    ended = relsym(*words, URLS)
    assert ended.code == 0, ended.err
    assert files_with(SECRET, tmp_path) == []
    refused = relsym(*words[:3], f"hydra.run.dir={out}2", URLS.replace("unverified", "none"))
    assert refused.code == 1
    assert "https://***@example.org/triples.tsv?***: sha256 is 'none'" in refused.err
    assert SECRET not in ended.out + ended.err + refused.out + refused.err


@pytest.mark.slow
def test_a_sweep_holds_no_secret_and_its_jobs_ask_the_environment(shell, quick, triples_folder, tmp_path):
    sweep = tmp_path / "sweep"
    ended = shell(
        sys.executable,
        "-m",
        "relsym",
        "train",
        "-m",
        *quick[:-1],
        "data=wikidata5m",
        f"data.folder={triples_folder}",
        URLS,
        "seed=0",
        f"hydra.sweep.dir={sweep}",
        SIGNED=SIGNED,
    )
    assert ended.code == 0, ended.err
    assert len(list(sweep.glob("000*/results.json"))) == 1
    assert SECRET not in ended.out + ended.err
    assert files_with(SECRET, tmp_path) == []
    frozen = yaml.safe_load((sweep / "frozen" / "000.yaml").read_text())
    assert frozen["data"]["urls"][0]["url"] == "${oc.env:SIGNED}"


def test_answers_of_an_endpoint_are_found_again_under_another_password(tmp_path, monkeypatch):
    asked = []

    def endpoint(url: str) -> Endpoint:
        made = Endpoint(url, tmp_path, 0, 1, 0, "me", False)
        monkeypatch.setattr(made, "_answer", lambda question: asked.append(url) or [])
        return made

    from relsym.data.sources.endpoint import SelectQuery

    question = SelectQuery("SELECT", (), "", "")
    for url in (
        f"https://me:{SECRET}@example.org/sparql?graph=1",
        f"https://example.org/sparql?graph=1&token={SECRET}",
        "https://example.org/sparql?graph=2",
    ):
        endpoint(url).ask(question)
    assert len(asked) == 2
    assert files_with(SECRET, tmp_path) == []


def test_logs_and_tracebacks_are_masked(caplog):
    entry.run(lambda: None)
    with caplog.at_level(logging.INFO):
        logging.getLogger("urllib3").info('"GET %s HTTP/1.1" 200', f"/f?X-Amz-Signature={SECRET}")
        try:
            raise ValueError(SIGNED)
        except ValueError:
            logging.getLogger("any").exception("failed")
    assert "GET /f?*** HTTP/1.1" in caplog.text
    assert "ValueError: https://***@example.org" in caplog.text
    assert SECRET not in caplog.text
    fails = (
        "import sys; sys.argv = ['relsym']; from relsym.app import entry\n"
        f"def task(): raise ValueError({SIGNED!r})\n"
        "entry.run(task)"
    )
    done = subprocess.run(
        [sys.executable, "-c", fails],
        capture_output=True,
        text=True,
        env={"HYDRA_FULL_ERROR": "1"},
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    # The line of the source itself is quoted too: it is masked as any text is.
    assert SECRET not in done.stderr
