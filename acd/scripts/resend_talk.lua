-- After a flush the owner sends a call that has an agent: request, offer (both JSON), state. A new reservation is made.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local request, offer, state = cjson.decode(ARGV[4]), cjson.decode(ARGV[5]), ARGV[6]
local call, id = request.call, offer.agent
local c = get_call(call)
if c and c.state == state and c.owner == me and c.agent == id then return cjson.encode(c) end
if c and c.state ~= 'WAITING' then return refuse('CONFLICT', 'the call is known: ' .. c.state) end
if not rule_of(request.queue) then return refuse('QUEUE', request.queue) end
local holder = rc('HGET', EXTENSIONS, offer.extension)
if holder and holder ~= id then return refuse('CONFLICT', 'the extension is held by another agent') end
local a = get_agent(id)
if a and a.call then
  if state ~= 'TALKING' or TALKS[a.state] then return refuse('CONFLICT', 'the agent has another call') end
  take_back(a.call, get_call(a.call), 'in_another_talk') -- a talk is a fact, an offer is not
end
local known = a ~= nil
if c then unlist_call(call, c) end
if a then unlist_agent(id, a) else a = new_agent(offer.extension, '{}') end
local due = now + POLICY.talk_ms
if state == 'RESERVED' then due = now + POLICY.reserve_ms end
if state == 'RINGING' then due = now + POLICY.ring_ms + POLICY.ring_grace_ms end
-- These facts come from outside and are not moves: both records are written anew.
if known and (a.state == 'NOT_READY' or a.state == 'SIGNED_OUT') then a.pending, a.pending_reason = a.state, a.reason end
a.extension, a.host, a.queue, a.state, a.reason, a.since, a.due = offer.extension, offer.host, request.queue, state, '', now, due
local reservation = epoch .. '-' .. tell_agent(id, a)
local former = c and c.owner
c = {
  state = state, entered = request.entered_ms, place = request.place, queued = request.queued_ms or now,
  queue = request.queue, open = '', hotline = request.hotline, label = request.label, attempt = offer.attempt,
  agent = id, extension = offer.extension, host = offer.host, pool = offer.group, reservation = reservation, due = due,
  waited = offer.waited_ms, answered = state == 'TALKING' or nil, owner = former, only = request.only,
}
a.call, a.reservation, a.rest = call, reservation, nil
rc('HSET', EXTENSIONS, offer.extension, id)
own(call, c, me)
save_call(call, c)
keep_agent(id, a)
sign_of_life()
return cjson.encode(c)
