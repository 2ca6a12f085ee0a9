-- What an agent asks for in a talk, told to the process that has the call: call, agent, the message as JSON.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call, id = ARGV[4], ARGV[5]
local a = get_agent(id)
if not a or a.call ~= call or not TALKS[a.state] then return refuse('CONFLICT', 'the agent is not in this talk') end
local message = cjson.decode(ARGV[6])
message.call, message.agent = call, id
tell(get_call(call).owner, message)
return 1
