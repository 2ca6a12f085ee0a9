-- What a phone can do now, as the process's host sees it: extension, reachable, in use ('1' or '0'), 'elsewhere' if a
-- native queue rings it, 'standing' if it is no news. Returns the host that the signed-in agent's phone counts for.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local extension, reachable, elsewhere = ARGV[4], ARGV[5] == '1', ARGV[7] == 'elsewhere'
local host = string.match(me, '^[^/]+')
if not alive('asterisk|' .. host) then lease_host() end -- telling is a sign of life
local phones = get(DEVICES, extension) or {}
local before = phones[host]
-- Registered since: 0 when nobody of ours saw it happen, so that a host which comes back with old registrations does not
-- take phones from where they went meanwhile.
local at = before and before.reachable and before.at or 0
if at == 0 and ARGV[7] ~= 'standing' then at = now end
phones[host] = { reachable = reachable, in_use = ARGV[6] == '1', at = at }
rc('HSET', DEVICES, extension, cmsgpack.pack(phones))
local id = rc('HGET', EXTENSIONS, extension)
if not id then return '' end
local a = get_agent(id)
local why_not, home = hindrance(extension)
if elsewhere and why_not == 'in_use' then why_not = 'busy_elsewhere' end
if a.rest and a.reason == 'unregistered' and reachable and not (before and before.reachable) then
  a.rest, a.fails = nil, nil -- it has registered: what it rests for is over
end
if a.state == 'READY' and why_not then
  unreachable(id, a, why_not)
elseif a.state == 'READY' and a.host ~= home then
  a.host = home -- the phone has moved to another host
  store_agent(id, a)
elseif a.state == 'UNREACHABLE' and not (a.rest and a.rest > now) then
  if not why_not then
    settle(id, a)
  elseif why_not ~= a.reason then
    local due = a.due -- another reason is no new time limit
    agent_to(a, 'UNREACHABLE', why_not)
    a.due = due
    save_agent(id, a)
  end
elseif (a.state == 'RESERVED' or a.state == 'RINGING') and (why_not == 'unreachable' or elsewhere) then
  -- In use alone is expected here: it is our own call.
  unoffer(a.call, get_call(a.call), 'AGENT_WITHDRAWN', why_not)
end
return home or ''
