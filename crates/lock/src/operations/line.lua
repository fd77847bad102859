-- Where it is written who waits: by arrival, and by the last question.
local queue, seen = KEYS[4], KEYS[5]
