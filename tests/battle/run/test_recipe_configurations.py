"""What the shipped recipes make of two providers: the configuration and the command line of each."""

import tomllib

import pytest
import yaml

from battle.actors.spec.endpoints import Endpoint
from battle.run.gateway_endpoints import GatewayEndpoints
from battle.run.gateway_process import prepare_command
from battle.scenario.gateways import recipe_names, recipe_of

PROVIDERS = {"first": "127.0.0.1:18081", "second": "127.0.0.1:18082"}
GATEWAY = GatewayEndpoints(Endpoint("127.0.0.1:18080"), Endpoint("127.0.0.1:18090"), {})


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Prepares a recipe, whether its program is installed or not: the command, and the text of the configuration."""

    def prepare(name):
        gateway = recipe_of(name)
        program = tmp_path / gateway.program
        program.touch(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        command = prepare_command(gateway, tmp_path / "run", GATEWAY, PROVIDERS, open_files=1)
        return command, (tmp_path / "run" / "gateway" / gateway.config_file).read_text()

    return prepare


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_names_each_provider_and_its_own_port(prepared, name):
    command, config = prepared(name)
    said = " ".join([*command.words, config, *command.environment.values()])
    assert "18080" in said
    assert all(said.count(address.rpartition(":")[2]) >= 1 for address in PROVIDERS.values())
    assert "{" not in " ".join(command.words)


def test_erpc(prepared):
    command, config = prepared("erpc")
    written = yaml.safe_load(config)
    [project] = written["projects"]
    [network] = project["networks"]
    assert recipe_of("erpc").path == f"/{project['id']}/{network['architecture']}/{network['evm']['chainId']}"
    assert written["server"]["httpPortV4"] == 18080
    assert {one["id"]: one["endpoint"] for one in project["upstreams"]} == {
        name: f"http://{address}" for name, address in PROVIDERS.items()
    }
    assert command.words[1:] == (str(command.words[1]),)


def test_proxyd(prepared):
    _, config = prepared("proxyd")
    written = tomllib.loads(config)
    assert (written["server"]["rpc_port"], written["server"]["ws_port"]) == (18080, 18090)
    assert written["backend_groups"][written["ws_backend_group"]]["backends"] == list(PROVIDERS)
    for name, address in PROVIDERS.items():
        assert written["backends"][name] == {"rpc_url": f"http://{address}", "ws_url": f"ws://{address}"}
    assert set(written["ws_method_whitelist"]) - {"eth_subscribe", "eth_unsubscribe"} == set(
        written["rpc_method_mappings"]
    )


def test_lasso(prepared):
    command, config = prepared("lasso")
    about, profile = yaml.safe_load_all(config)
    [(chain, settings)] = profile["chains"].items()
    assert recipe_of("lasso").config_file == f"config/profiles/{about['slug']}.yml"
    assert recipe_of("lasso").path.endswith(f"/{chain}")
    assert recipe_of("lasso").ws_path.endswith(f"/{chain}")
    assert [(one["id"], one["url"], one["ws_url"]) for one in settings["providers"]] == [
        (name, f"http://{address}", f"ws://{address}") for name, address in PROVIDERS.items()
    ]
    assert command.environment["PORT"] == "18080"
    assert len(command.environment["SECRET_KEY_BASE"]) >= 64  # else it does not start
