BASE=@URL@/api/v1
get() { python3 -c 'import json,sys; d=json.load(sys.stdin)
for k in sys.argv[1].split("."): d=d[int(k) if k.isdigit() else k]
print(d)' "$1"; }
api() { curl -sS -H 'Content-Type: application/json' -H "Authorization: Bearer $TOKEN" "$@"; echo; }
until_state() { for _ in $(seq 50); do [ "$(api "$BASE/orders/$ORDER" | get state)" = "$1" ] && echo "the order is $1" && return; sleep 0.2; done; echo "the order is not $1 yet"; }
# log in, and see whom one may book for
TOKEN=$(curl -sS "$BASE/tokens" -H 'Content-Type: application/json' -d '{"username":"demo","password":"@PASSWORD@"}' | get access_token)
PATIENT=$(api "$BASE/users/me/patients" | get items.0.id)
# a session some days ahead (so that cancelling is still allowed), and a number of it
SESSION=$(api "$BASE/sessions?date_from=@SOON@&date_to=@IN_A_WEEK@" | python3 -c 'import json,sys
print(next(s["id"] for s in json.load(sys.stdin)["items"] if s["state"] == "open" and s["remaining"] and s["fee"]["amount"]))')
ORDER=$(api "$BASE/orders" -H 'Prefer: wait=5' -d "{\"session_id\":\"$SESSION\",\"patient_id\":\"$PATIENT\"}" | get id)
api "$BASE/orders/$ORDER"
# pay: open the link in a browser and press the button, or press it from here
PAY=$(api "$BASE/orders/$ORDER/payments" -d '{"method":"sandbox"}' | get show.url)
echo "pay at @URL@$PAY"; curl -sS -o /dev/null "@URL@$PAY" -d 'action=pay'
until_state confirmed
# change one's mind: the number goes back, and so does the money
api -X POST "$BASE/orders/$ORDER/cancel"
until_state cancelled
# what one was told on the way
api "$BASE/notifications" | python3 -c 'import json,sys
for n in json.load(sys.stdin)["items"]: print("-", n["title"], "|", n["text"])'
