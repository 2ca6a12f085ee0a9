-- An agent calls out (外呼): the request as JSON, `only` names the agent, who is reserved for it at once or not at all.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local request = cjson.decode(ARGV[4])
local call, id = request.call, request.only
local a = get_agent(id)
if get_call(call) then return refuse('CONFLICT', 'the call is known') end
if rebuilding then return refuse('CONFLICT', 'the site is rebuilding') end
if not rule_of(request.queue) then return refuse('QUEUE', request.queue) end
if not a or (a.state ~= 'READY' and a.state ~= 'NOT_READY' and a.state ~= 'WRAP_UP') then
  return refuse('CONFLICT', 'the agent is not free')
end
local why_not, host = hindrance(a.extension)
if why_not then return refuse('CONFLICT', 'the phone is ' .. why_not) end
if a.state == 'NOT_READY' then
  a.pending, a.pending_reason = 'NOT_READY', a.reason
elseif a.state == 'WRAP_UP' then
  agent_to(a, 'NOT_READY', 'call_out') -- what was to follow the wrap-up follows this call
end
a.host = host
local c = {
  state = 'WAITING', entered = request.entered_ms, place = request.place, queued = now, queue = request.queue, open = '',
  hotline = request.hotline, label = request.label, attempt = 0, only = id,
}
own(call, c, me)
reserve(id, a, call, c, '@' .. id)
sign_of_life()
return 1
