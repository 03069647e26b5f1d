"""The guard around unit tests works: without this, nobody would notice its absence."""

import socket

import pytest


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_unit_tests_cannot_reach_the_network(family: socket.AddressFamily) -> None:
    with pytest.raises((RuntimeError, UserWarning), match="tried to use socket"):
        socket.socket(family, socket.SOCK_STREAM)


def test_unit_tests_cannot_look_up_names() -> None:
    with pytest.raises((RuntimeError, UserWarning), match="tried to use socket"):
        socket.getaddrinfo("example.com", 443)
