"""Gateway files: what can be said in one, in which languages, and the sentence about each thing that is wrong."""

import json

import pytest

from battle import CommandGateway, EmbeddedGateway, Ready, ScenarioError, UrlGateway
from battle.actors.units import seconds
from battle.scenario.gateways import named_gateway, read_gateway, with_template
from battle.scenario.loader import load_scenario

WHOLE = """
name = "mine"
command = ["mine", "--listen={port}", "--ws={ws_port}", "--stats={port:stats}", "--up={provider.url}", "{here}/x.js"]
version_command = ["mine", "--version"]
install = "apt-get install mine"
template_file = "mine.j2"
env = { KEY = "${SECRET}", RPC_URLS = "{providers}" }
working_directory = "data"
ws_port = true
ports = ["stats"]
path = "/main/evm/1"
ws_path = "/ws"
headers = { "X-Secret" = "${SECRET}" }
ready = { path = "/healthz", status = 204, port = "stats" }
ready_timeout = "30s"
stop_signal = "SIGINT"
grace = "2s"
log = "{workdir}/error.log"
reports = "none"
"""


def of(**fields):
    return CommandGateway(("it",), **fields)


def test_a_file_says_all_of_a_program_and_may_leave_its_type_out(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(WHOLE)
    (tmp_path / "mine.j2").write_text("listen {{ port }}")
    gateway = read_gateway(path)
    assert list(gateway.problems()) == []
    assert gateway.ready == Ready(path="/healthz", status=204, port="stats")
    assert (gateway.grace, gateway.stop_signal, gateway.has_ws_port) == (seconds(2), "SIGINT", True)
    assert gateway.port_numbers() == {"stats": 0}
    assert gateway.here == tmp_path.as_posix()
    whole = with_template(gateway)
    assert (whole.template, whole.template_file) == ("listen {{ port }}", "")


@pytest.mark.parametrize(
    ("name", "text", "gateway"),
    [
        ("a.toml", 'url = "http://rpc:1/x"', UrlGateway("http://rpc:1/x")),
        ("a.yaml", "command: [it]\nready: {method: eth_chainId}", of(ready=Ready(method="eth_chainId"))),
        ("a.json", '{"command": ["it"], "ports": {"stats": 8404}}', of(ports={"stats": 8404})),
        (
            "a.py",
            "from battle import UrlGateway\ngateway = UrlGateway('https://rpc')",
            UrlGateway("https://rpc"),
        ),
        ("a.toml", 'type = "embedded"\nfailover = false', EmbeddedGateway(failover=False)),
    ],
)
def test_each_language_describes_each_kind(tmp_path, name, text, gateway):
    (tmp_path / name).write_text(text)
    found = named_gateway(str(tmp_path / name), EmbeddedGateway())
    assert list(found.problems()) == []
    if not isinstance(found, EmbeddedGateway):
        assert found.here == tmp_path.as_posix()
        found = type(found)(**{name: getattr(found, name) for name in found.__struct_fields__} | {"here": ""})
    assert found == gateway


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "a.toml",
            'type = "comand"\ncommand = ["it"]',
            "did you mean 'command'. it is one of embedded, command, url",
        ),
        ("a.toml", 'comand = ["it"]', "did you mean `command`"),
        ("a.json", "[]", r'write command = \["program"\] or url = '),
        ("a.py", "x = 1", r"it has no gateway: write gateway = CommandGateway\(\[...\]\)"),
        ("a.py", "1 / 0", "ZeroDivisionError"),
        ("a.toml", 'command = ["it"]\nready = "tpc"', "did you mean 'tcp'"),
        ("a.toml", 'command = ["it"]\nready = { pth = "/" }', "did you mean `path`"),
        ("a.toml", 'command = ["it"]\nstop_signal = "SIGTREM"', "did you mean 'SIGTERM'"),
        ("a.toml", 'command = ["it"]\nreports = "all"', "none"),
    ],
)
def test_what_is_no_gateway_file_is_said_in_a_sentence(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(ScenarioError, match=says):
        named_gateway(str(tmp_path / name), EmbeddedGateway())


def test_a_template_file_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('command = ["it"]\ntemplate_file = "no.j2"')
    with pytest.raises(ScenarioError, match=r"template_file .*/no\.j2: No such file"):
        with_template(read_gateway(path))


def test_the_gateway_of_a_scenario_file_begins_there_as_well(tmp_path):
    gateway = {"type": "command", "command": ["it"], "template_file": "t.j2"}
    data = {"name": "s", "providers": [], "workloads": [], "gateway": gateway}
    (tmp_path / "s.json").write_text(json.dumps(data))
    (tmp_path / "t.j2").write_text("there")
    assert with_template(load_scenario(str(tmp_path / "s.json")).gateway).template == "there"


@pytest.mark.parametrize(
    ("gateway", "says"),
    [
        (CommandGateway(()), "command needs at least the program's name"),
        (CommandGateway(("{provider.url}",)), "cannot be repeated for each provider"),
        (CommandGateway((("it", "{provider.url}"),)), "cannot be repeated for each provider"),
        (CommandGateway(("it", ("-u", "url"))), "has the list ['-u', 'url'], in which nothing is of a provider"),
        (CommandGateway(("it", ("-u", "{provider.ulr}"))), "which nothing is put in for; the known ones are"),
        (CommandGateway(("it", "{provider.ulr}")), "which nothing is put in for; the known ones are"),
        (CommandGateway(("it", "{port:stats}")), "command has {port:stats}, which nothing is put in for"),
        (CommandGateway(("it", "{ws_port}")), "write ws_port = true as well"),
        (of(env={"A": "{provider.url}"}), "env has {provider.url}, which nothing is put in for"),
        (of(env={"A B": ""}), "env has 'A B', which is no variable's name"),
        (of(log="{config}.log"), "log has {config}, which nothing is put in for; the known ones are {workdir}"),
        (of(path="x"), "path looks like /path, not 'x'"),
        (of(ws_path="x"), "ws_path looks like /path, not 'x'"),
        (of(template="a", template_file="b"), "template and template_file are both there"),
        (of(port=70000), "port must be from 0 (any) to 65535, not 70000"),
        (of(ws_port=70000), "ws_port must be from 0 (any) to 65535"),
        (of(ports={"stats": -1}), "stats must be from 0 (any) to 65535, not -1"),
        (of(ports=("my-stats",)), "a name is up to 32 small letters, digits and _, as in stats"),
        (of(port=1, ports={"stats": 1}), "two of its ports have the same number"),
        (of(ready=Ready()), 'write "tcp", { path = "/healthz" } or { method = "eth_chainId" }'),
        (of(ready=Ready(path="x")), "ready: path looks like /path, not 'x'"),
        (of(ready=Ready(path="/", status=0)), "status is an HTTP status from 100 to 599, not 0"),
        (of(ready=Ready(method="m", status=204)), "leave status out"),
        (of(ready=Ready(path="/", params=[1])), "give method as well"),
        (of(ready=Ready(path="/", port="stats")), "ready names the port 'stats'; the further ports are none"),
        (of(headers={"X Y": "1"}), "'X Y' is no header's name"),
        (of(headers={"Content-Length": "1"}), "Content-Length is set by Battle itself: leave it out"),
        (of(headers={"X-Battle-Request": "1"}), "X-Battle-Request is set by Battle itself"),
        (of(headers={"X-A": "1", "x-a": "2"}), "x-a is there twice"),
        (of(headers={"X-A": "sécret"}), "the value of X-A holds what no header can: write printable ASCII"),
        (of(ready_timeout=0), "ready_timeout must be above 0"),
        (of(grace=-1), "grace 0 or more"),
        (of(verify=False), "write tls = true as well"),
        (of(tls=True, verify=False, ca_file="ca.pem"), "ca_file is not looked at with verify = false"),
        (UrlGateway("ftp://rpc"), "a URL looks like http://host:port/path"),
        (UrlGateway("http://rpc", ca_file="ca.pem"), "write https:// or wss:// as well"),
        (UrlGateway("http://rpc", ready_timeout=0), "ready_timeout must be above 0"),
        (UrlGateway("http://rpc", ready=Ready(path="/", port="stats")), "leave port out"),
    ],
)  # fmt: skip
def test_each_wrong_value_is_one_sentence(gateway, says):
    (problem,) = gateway.problems()
    assert says in problem
    assert "sécret" not in problem


@pytest.mark.parametrize(
    "gateway",
    [
        of(ws_port=8546, ports={"stats": 0, "admin": 0}),
        CommandGateway(("sh", "-c", "exec it ${HOME} {workdir}")),
        of(headers={"Host": "rpc.example", "authorization": "Bearer ${TOKEN}"}),
        of(tls=True, verify=False),
        UrlGateway("https://rpc/${KEY}", ws_url="wss://rpc/${KEY}", verify=False),
        UrlGateway("https://${HOST}:${PORT}/"),
        UrlGateway("${STAGING_URL}", ca_file="ca.pem"),
    ],
)
def test_what_is_right_has_no_problem(gateway):
    assert list(gateway.problems()) == []
