-- Takes over calls with an agent from processes of this host (ARGV 4, "<host>/") whose lease ran out. One script, so one
-- adopter: the former owner is refused afterwards, and told should it still be there.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local host = ARGV[4]
local taken = {}
for _, process in ipairs(processes(host, false)) do
  if process ~= me then
    local members = owned_by(process)
    for _, call in ipairs(members) do
      local c = get_call(call)
      if c.state ~= 'WAITING' then
        own(call, c, me)
        if c.state == 'TALKING' then -- time to look at the channels
          c.due = math.max(c.due, now + POLICY.talk_ms)
          local a = get_agent(c.agent)
          if a then
            a.due = c.due
            store_agent(c.agent, a)
          end
        end
        save_call(call, c)
        tell(process, { type = 'adopted', call = call, reservation = c.reservation, by = me })
        taken[#taken + 1] = call
        taken[#taken + 1] = cjson.encode(c)
      end
    end
    if #members == 0 then rc('HDEL', META, 'lease|' .. process) end
  end
end
if #taken > 0 then sign_of_life() end
return taken
