"""Where partitions are computed: in child processes of this machine."""

from collections.abc import Callable

from openhours.processes import Processes
from openhours.reports.partition import Partition, PartitionFigures
from openhours.reports.run import Compute


def local(processes: Processes) -> Compute:
    """Compute partitions in the worker's own child processes."""

    async def compute_in(
        function: Callable[[Partition], PartitionFigures], partition: Partition
    ) -> PartitionFigures:
        return await processes.run(function, partition)

    return compute_in
