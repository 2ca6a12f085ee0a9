-- After a flush the owner sends a call that has an agent: request, offer (both JSON), state. A new reservation is made.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local request, offer, state = cjson.decode(ARGV[4]), cjson.decode(ARGV[5]), ARGV[6]
local call, id = request.call, offer.agent
local c = get(CALLS, call)
if c and c.state == state and c.owner == me and c.agent == id then return cjson.encode(c) end
if c and c.state ~= 'WAITING' then return refuse('CONFLICT', 'the call is known: ' .. c.state) end
local holder = rc('HGET', EXTENSIONS, offer.extension)
if holder and holder ~= id then return refuse('CONFLICT', 'the extension is held by another agent') end
local a = get(AGENTS, id)
if a and a.call then
  if state ~= 'TALKING' or a.state == 'TALKING' then return refuse('CONFLICT', 'the agent has another call') end
  take_back(a.call, get(CALLS, a.call), 'in_another_talk') -- a talk is a fact, an offer is not
end
if not alive(me) then lease_me() end
if c then unlist_call(call, c) end
local groups = a and a.groups or {}
if a then unlist_agent(id, a) end
local due = now + POLICY.talk_ms
if state == 'RESERVED' then due = now + POLICY.reserve_ms end
if state == 'RINGING' then due = now + POLICY.ring_ms + POLICY.ring_grace_ms end
local reservation = epoch .. '-' .. rc('HINCRBY', META, 'reservations', 1)
-- These facts come from outside and are not moves: both records are written anew.
local former = c and c.owner
c = {
  state = state, entered = request.entered_ms, place = request.place, queued = request.queued_ms or now,
  steps = request.steps, step = 0, open = {}, hotline = request.hotline, label = request.label, attempt = offer.attempt,
  agent = id, extension = offer.extension, pool = offer.group, reservation = reservation, due = due,
  waited = offer.waited_ms, answered = state == 'TALKING' or nil, owner = former,
}
local pending, why
if a and (a.state == 'NOT_READY' or a.state == 'SIGNED_OUT') then pending, why = a.state, a.reason end
a = {
  extension = offer.extension, groups = groups, state = state, reason = '', since = now, idle = now, due = due,
  call = call, reservation = reservation, pending = pending, pending_reason = why, timed = a and a.timed,
}
rc('HSET', EXTENSIONS, offer.extension, id)
own(call, c, me)
save_call(call, c)
save_agent(id, a)
return cjson.encode(c)
