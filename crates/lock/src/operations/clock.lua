-- The time of this step, in microseconds: the server's, unless a test moves it.
local clock = tonumber(ARGV[1])
local function now()
  if not clock then local t = redis.call('TIME'); clock = t[1] * 1000000 + t[2] end
  return clock
end
