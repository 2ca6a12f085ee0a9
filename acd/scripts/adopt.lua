-- Takes over calls with an agent from processes of this host (ARGV 4, "<host>/") whose lease ran out. One script, so one
-- adopter: the former owner is refused afterwards, and told should it still be there.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local host = ARGV[4]
local taken = {}
for _, process in ipairs(rc('ZRANGEBYSCORE', LEASES, '-inf', now)) do
  if process ~= me and string.sub(process, 1, #host) == host then
    local members = rc('ZRANGEBYLEX', OWNED, '[' .. process .. '|', '(' .. process .. '}')
    for _, member in ipairs(members) do
      local call = string.sub(member, #process + 2)
      local c = get(CALLS, call)
      if c.state ~= 'WAITING' then
        own(call, c, me)
        if c.state == 'TALKING' then -- time to look at the channels
          c.due = math.max(c.due, now + POLICY.talk_ms)
          local a = get(AGENTS, c.agent)
          if a then
            a.due = c.due
            rc('HSET', AGENTS, c.agent, cjson.encode(a))
          end
        end
        save_call(call, c)
        tell(process, { type = 'adopted', call = call, reservation = c.reservation, by = me })
        taken[#taken + 1] = call
        taken[#taken + 1] = cjson.encode(c)
      end
    end
    if #members == 0 then rc('ZREM', LEASES, process) end
  end
end
if #taken > 0 and not alive(me) then lease_me() end
return taken
