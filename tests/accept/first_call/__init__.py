"""The first call: from a citizen's ring to a ticket."""

from tests.accept.first_call import basics, failing_agents, lines, outages, processes, processes_dead, rude_peers
from tests.accept.scenario import Item

ITEMS = [
    Item(1, "12345: pop before INVITE, sound both ways, wrap-up, ticket", basics.whole_call),
    Item(2, "every number takes its own path; a change of mode loses no call", lines.every_number),
    Item(3, "forwarded calls are known by header or access number", lines.forwarded),
    Item(4, "a voice process is killed, then hung: nobody dropped, order kept", processes.killed_and_hung),
    Item(5, "all our processes dead: native queue, then a promise to call back", processes_dead.all_dead),
    Item(6, "rude peers on the FastAGI port harm nobody and execute nothing", rude_peers.all_of_them),
    Item(7, "an agent that does not take the call costs nobody a place", failing_agents.each_outcome),
    Item(8, "PostgreSQL away, Redis restarted and flushed", outages.stores_away),
]
