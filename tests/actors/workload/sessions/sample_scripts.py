"""Scripts as a scenario's author writes them, good and bad."""

from battle import SessionFailed, StepFailed, ms, seconds

HERE = "tests.actors.workload.sessions.sample_scripts"


def balances(number, random):
    head = yield "eth_blockNumber", []
    yield ms(100)
    address = f"0x{random.getrandbits(160):040x}"
    balance = yield "eth_getBalance", [address, head]
    again = yield "eth_getBalance", [address, head]
    if balance != again:
        raise SessionFailed("the balance of a past block changed")


def careful(number, random):
    try:
        yield "eth_mine", []
    except StepFailed as failed:
        if (failed.method, failed.code) != ("eth_mine", -32601):
            raise
    yield "eth_chainId", []


def careless(number, random):
    yield "eth_mine", []


def suspicious(number, random):
    if (yield "eth_chainId", []) != "0x0":
        raise SessionFailed("another chain")


def broken(number, random):
    chain = yield "eth_chainId", []
    yield "eth_getBalance", [chain["id"], "latest"]


def hasty(number, random):
    yield "eth_chainId", []
    yield 5


def endless(number, random):
    while True:
        yield "eth_chainId", []


def sleepy(number, random):
    yield "eth_chainId", []
    yield seconds(60)


def empty(number, random):
    if number:
        return
    yield "eth_chainId", []


def waiting_first(number, random):
    yield seconds(1)


def no_generator(number, random):
    return [("eth_chainId", [])]
