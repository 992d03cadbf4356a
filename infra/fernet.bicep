// A Fernet key out of random GUIDs. ARM has no other source of randomness, and base64() takes text, not bytes.

var alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
var digits = '0123456789abcdef'

func digit(hex string, at int) int => indexOf(digits, substring(hex, at, 1))
func value(hex string, at int) int => 256 * digit(hex, at) + 16 * digit(hex, at + 1) + digit(hex, at + 2)
func letter(number int) string => substring(alphabet, number, 1)
func pair(number int) string => '${letter(number / 64)}${letter(number % 64)}'

@description('Returns the URL-safe base64 of 32 bytes, which are given as 64 hexadecimal digits in lower case.')
@export()
func base64OfHex(hex string) string =>
  '${join(map(range(0, 21), i => pair(value(hex, i * 3))), '')}${letter(4 * digit(hex, 63))}='
