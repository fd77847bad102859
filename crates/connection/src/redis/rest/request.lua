-- Gives arguments their bytes back: each byte travelled as the character of its number, since JSON has
-- no bytes. The last argument says how many there were.
do
  local function byte(pair)
    local first, second = string.byte(pair, 1, 2)
    return string.char(first % 4 * 64 + second % 64)
  end
  local last, count = #ARGV, 0
  for i = 1, last - 1 do
    ARGV[i] = string.gsub(ARGV[i], '[\194\195][\128-\191]', byte)
    count = count + #ARGV[i]
  end
  if count ~= tonumber(ARGV[last]) then
    return redis.error_reply('ERR the arguments did not arrive as they were sent')
  end
  ARGV[last] = nil
end
