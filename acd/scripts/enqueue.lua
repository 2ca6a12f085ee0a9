-- A call asks for an agent: the request as JSON. Again for the same call: its owner changes, its place never does.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local request = cjson.decode(ARGV[4])
local call = request.call
local c = get(CALLS, call)
if c and c.answered then return refuse('ANSWERED', c.state) end -- guard:answered
if not alive(me) then lease_me() end -- asking is a sign of life
if not c then
  c = { state = 'WAITING', entered = request.entered_ms, place = request.place, queued = request.queued_ms or now, attempt = 0 }
elseif c.state == 'ENDED' then
  call_to(c, 'WAITING')
elseif c.owner == me and c.state ~= 'WAITING' then
  return { c.state, 0 }
elseif c.owner ~= me then
  -- The caller came in again through another process: an offer of the former one cannot be carried out.
  tell(c.owner, { type = 'revoked', reservation = c.reservation, call = call, agent = c.agent, reason = 'taken_over' })
end
local held, reservation = c.agent, c.reservation
if held then call_to(c, 'WAITING') end
unlist_call(call, c)
c.steps, c.step, c.following, c.open = request.steps, 0, nil, {}
c.hotline, c.label = request.hotline, request.label
own(call, c, me)
wait(call, c)
if held then
  free_agent(held, reservation, 'CALLER_GONE')
  c = get(CALLS, call) -- the agent may have got this very call
end
if c.state ~= 'WAITING' then return { c.state, 0 } end
local ahead
for _, pool in ipairs(c.open) do
  local n = rc('ZLEXCOUNT', WAITING, '[' .. pool .. '|', '(' .. index_members({ pool }, c.place, call)[1])
  if not ahead or n < ahead then ahead = n end
end
return { c.state, (ahead or 0) + 1 }
