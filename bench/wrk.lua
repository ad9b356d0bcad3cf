-- Sends the requests of a file in turn, each a line with its length and then its bytes, and reports in JSON.
local requests, last = {}, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local length = file:read("*n")
  while length do
    file:read(1) -- the end of the line
    requests[#requests + 1] = file:read(length)
    length = file:read("*n")
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency)
  local spread = {}
  for percent = 0, 1000 do
    spread[#spread + 1] = latency:percentile(math.min(percent / 10, 99.99))
  end
  local errors = summary.errors
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format('\n{"requests": %d, "duration_us": %d, "bad_status": %d, "lost": %d, "latencies_us": [%s]}\n',
    summary.requests, summary.duration, errors.status, lost, table.concat(spread, ",")))
end
