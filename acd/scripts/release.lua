-- A call no longer waits for one agent only: call.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call = ARGV[4]
local c = get_call(call)
if not c or not c.listed then return refuse('CONFLICT', 'the call does not wait') end
if c.prefer then
  unlist_call(call, c)
  c.prefer, c.alone = nil, nil
  wait(call, c)
end
return 1
