BASE=@URL@/api/v1
get() { python3 -c 'import json,sys; d=json.load(sys.stdin)
for k in sys.argv[1].split("."): d=d[int(k) if k.isdigit() else k]
print(d)' "$1"; }
api() { curl -sS -H 'Content-Type: application/json' -H "Authorization: Bearer $TOKEN" "$@"; echo; }
pick() { api "$BASE/sessions?hospital_id=$HOSPITAL&date_from=@SOON@&date_to=@IN_A_WEEK@&limit=200" | python3 -c 'import json,sys
print([s["id"] for s in json.load(sys.stdin)["items"] if (s["remaining"] or s["policy"] != "first_come") and [s["policy"], s["fee"]["amount"]] == [sys.argv[1], int(sys.argv[2])]][int(sys.argv[3])])' "$@"; }
until_state() { for _ in $(seq 50); do [ "$(api "$BASE/orders/$ORDER" | get state)" = "$1" ] && echo "the order is $1" && return; sleep 0.2; done; echo "the order is not $1 yet"; }
# log in, and see whom one may book for. Works once on fresh data: the hospital lets nobody have two numbers for a doctor, nor come
# again at once after a number was given back (limit_reached, cool_down). To do it again, start with new data.
TOKEN=$(curl -sS "$BASE/tokens" -H 'Content-Type: application/json' -d '{"username":"demo","password":"@PASSWORD@"}' | get access_token)
PATIENT=$(api "$BASE/users/me/patients" | get items.0.id)
# a session some days ahead (so that cancelling is still allowed), and a number of it
HOSPITAL=$(api "$BASE/hospitals" | get items.0.id)
SESSION=$(pick first_come 5000 0)
ORDER=$(api "$BASE/orders" -H 'Prefer: wait=5' -d "{\"session_id\":\"$SESSION\",\"patient_id\":\"$PATIENT\"}" | get id)
api "$BASE/orders/$ORDER"
# pay by WeChat (or alipay): its QR code leads to the payment sandbox; open it in a browser and press the button, or press it from here
PAY=$(api "$BASE/orders/$ORDER/payments" -d '{"method":"wechat"}' | get show.text)
echo "pay at $PAY"; curl -sS -o /dev/null "$PAY" -d 'action=pay'
until_state confirmed
# another session suits better: the new number first, then the old one goes back; the money moves along
ORDER=$(api "$BASE/orders/$ORDER/reschedule" -d "{\"session_id\":\"$(pick first_come 5000 1)\"}" | get id)
until_state confirmed
# change one's mind: the number goes back, and so does the money
api -X POST "$BASE/orders/$ORDER/cancel"
until_state cancelled
# everybody wants this doctor: see the chance, enter the draw
DRAW=$(pick lottery 10000 0)
api "$BASE/sessions/$DRAW/chance"
ORDER=$(api "$BASE/orders" -H 'Prefer: wait=5' -d "{\"session_id\":\"$DRAW\",\"patient_id\":\"$PATIENT\"}" | get id)
api "$BASE/orders/$ORDER"
# a draw that was held: anyone can repeat it from its public record
for _ in $(seq 9); do @PYTHON@ -m haoyuan_draw verify "$BASE/sessions/$(pick lottery 0 0)/draw" && break; sleep 1; done
# the clinic day: the hospital has a session that goes on now, and a desk; the screen at its door shows a code
ME=$TOKEN
STAFF=$(curl -sS "$BASE/tokens" -H 'Content-Type: application/json' -d '{"username":"registrar","password":"@PASSWORD@"}' | get access_token)
TOKEN=$STAFF
CLINIC=$(api "$BASE/sessions" -d "$(api "$BASE/doctors?hospital_id=$HOSPITAL" | python3 -c 'import json,random,sys
from datetime import datetime, timedelta, timezone
now = datetime.now(timezone(timedelta(hours=8))); day = now.replace(hour=0, minute=0, second=0, microsecond=0)
at = [t.isoformat() for t in (max(day, now - timedelta(minutes=10)), min(day + timedelta(days=1), now + timedelta(hours=1)), day - timedelta(days=1))]
doctor = random.choice([d["id"] for d in json.load(sys.stdin)["items"] if d["code"] != "@GUEST@"])
print(json.dumps({"doctor_id": doctor, "date": at[0][:10], "period": "morning", "room": "A101", "fee": {"amount": 0, "currency": "CNY"},
                  "release_at": at[2], "slots": [{"starts_at": at[0], "ends_at": at[1], "capacity": 3}]}))')" | get id)
api "$BASE/sessions/$CLINIC/queue/desks" -d '{"room":"A101"}'
DOOR=$(api "$BASE/sessions/$CLINIC/queue/door" | get code)
# she has a number, types in the code, and sees how long it will take
TOKEN=$ME
ORDER=$(api "$BASE/orders" -H 'Prefer: wait=5' -d "{\"session_id\":\"$CLINIC\",\"patient_id\":\"$PATIENT\"}" | get id)
until_state confirmed
VISIT=$(api "$BASE/orders/$ORDER/check-in" -d "{\"code\":\"$DOOR\"}" | get id)
api "$BASE/visits/$VISIT/wait"
# she is called; her phone is told at once (here it listens for a second); she is seen, and her order is fulfilled
TOKEN=$STAFF; api "$BASE/sessions/$CLINIC/queue/next" -d '{"room":"A101","after":null}'
TOKEN=$ME; api -N -m 1 "$BASE/visits/$VISIT/stream" 2>/dev/null
TOKEN=$STAFF; api "$BASE/sessions/$CLINIC/queue/next" -d "{\"room\":\"A101\",\"after\":\"$VISIT\"}"
TOKEN=$ME; until_state fulfilled
# what one was told on the way
api "$BASE/notifications" | python3 -c 'import json,sys
for n in json.load(sys.stdin)["items"]: print("-", n["title"], "|", n["text"])'
# and by e-mail, with a calendar file, and by SMS: open @MAILBOX@
curl -sS "@MAILBOX@/_ctl/messages" | python3 -c 'import json,sys
for m in json.load(sys.stdin)["items"]: print("-", m["channel"], m["to"], "|", m["subject"] or m["text"])'
