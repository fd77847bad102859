-- Lists the sessions of an owner.
--
-- KEYS[1]  the owner's sessions
-- ARGV     now
-- Answer   digest, µs when it began, µs when it was seen, µs when it ends, and so on
local answer = {}
for _, of in ipairs(all()) do
  for _, part in ipairs({ of.digest, text(of.created), text(of.seen), text(of.ends) }) do
    answer[#answer + 1] = part
  end
end
return answer
