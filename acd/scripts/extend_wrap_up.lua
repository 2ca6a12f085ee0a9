-- More time for after-call work: agent, by ms. Gives its new end.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local id = ARGV[4]
local a = get_agent(id)
if not a or a.state ~= 'WRAP_UP' then return refuse('CONFLICT', 'not in wrap-up') end
local rule = a.queue and rule_of(a.queue)
local longest = a.since + (rule and rule.wrap_up_max_ms or POLICY.wrap_up_max_ms)
if a.due >= longest then return refuse('CONFLICT', 'the longest wrap-up') end
a.due = math.min(a.due + tonumber(ARGV[5]), longest)
save_agent(id, a)
return a.due
