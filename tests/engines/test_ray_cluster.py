"""What a node of a Ray cluster has room for, by its resources as Ray names them."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.config import EnginePool
from pipeline.engines.ray_cluster import Node


@pytest.mark.parametrize(
    ("pool", "resources", "room", "spare"),
    [
        ({}, {"CPU": 16.0, "GPU": 1.0}, 1, 15),
        ({"cpus_per_worker": 4}, {"CPU": 16.0, "GPU": 2.0}, 2, 8),
        ({"gpus_per_worker": 0.5}, {"CPU": 16.0, "GPU": 1.0}, 2, 14),
        ({"cpus_per_worker": 8}, {"CPU": 16.0, "GPU": 8.0}, 2, 0),
        ({}, {"CPU": 16.0}, 0, 16),  # a node without a GPU, of a pool that needs one
        ({"gpus_per_worker": 0}, {"CPU": 16.0}, 16, 0),
        ({"gpus_per_worker": 0, "cpus_per_worker": 3}, {"CPU": 16.0}, 5, 1),
        ({"gpus_per_worker": 0}, {"CPU": 1.5}, 1, 0),
        ({"workers": 1}, {"CPU": 16.0, "GPU": 8.0}, 8, 8),  # a worker that dies may find its next place on any GPU
        ({}, {}, 0, 0),  # a head node that computes nothing
    ],
)
def test_a_node_spares_the_cpus_that_no_worker_of_the_pool_can_take(
    pool: dict[str, Any], resources: dict[str, float], room: int, spare: int
) -> None:
    described = {"NodeID": "ab", "NodeManagerHostname": "host", "Resources": resources | {"memory": 1.0}}
    assert Node.of(described, EnginePool(**pool)) == Node("ab", "host", room, spare)
