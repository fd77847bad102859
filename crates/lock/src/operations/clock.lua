-- The time of this step, in microseconds: the server's, unless a test moves it.
local clock = tonumber(ARGV[1])
local function now()
  if not clock then local t = redis.call('TIME'); clock = t[1] * 1000000 + t[2] end
  return clock
end

-- A whole number as an argument: left to itself, the server writes numbers as slowly as fractions.
local function whole(number) return string.format('%d', number) end
