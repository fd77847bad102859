-- Answers for each command line in ARGV whether the user of this connection may send it:
-- 0 no, 1 yes, 2 the server knows no such command. Nothing is carried out.
-- KEYS: none.
local answers = {}
for index, line in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(line, '%S+') do
    words[#words + 1] = word
  end
  local is_known, may = pcall(redis.acl_check_cmd, unpack(words))
  if not is_known then
    answers[index] = 2
  elseif may then
    answers[index] = 1
  else
    answers[index] = 0
  end
end
return answers
