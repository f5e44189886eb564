-- For wrk 4.1: sends the requests of a file in turn, made and signed beforehand; says at the end what came of it.
-- Arguments: the file (a line with a length, then so many bytes, again and again), the mean pause in milliseconds.

local requests = {}
local at = 0
local pause = 0

function init(args)
   local file = assert(io.open(args[1], "rb"))
   local length = file:read("*n")
   while length do
      file:read(1)
      requests[#requests + 1] = file:read(length)
      length = file:read("*n")
   end
   file:close()
   pause = tonumber(args[2])
   if pause <= 0 then delay = nil end
   math.randomseed(1)
end

function delay()
   return math.floor(math.random() * 2 * pause + 0.5)
end

function request()
   at = at % #requests + 1
   return requests[at]
end

function done(summary, latency, rate)
   local errors = summary.errors
   io.write(string.format(
      'RESULT {"requests": %d, "seconds": %.6f, "errors": %d, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f}\n',
      summary.requests, summary.duration / 1e6,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
