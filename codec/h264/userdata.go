package h264

// UserData is a user_data_unregistered SEI message (H.264, D.1.7).
type UserData struct {
	UUID UUID
	Data []byte
}

// ParseUserData reads the payload of a message of type 5. One that is too short for a UUID isn't user data of any
// kind, and ok is false. Data is a sub-slice of the payload.
func ParseUserData(payload []byte) (u UserData, ok bool) {
	if len(payload) < uuidSize {
		return UserData{}, false
	}
	return UserData{UUID: UUID(payload), Data: payload[uuidSize:]}, true
}

// Append appends the payload of a message of type 5 to dst, and returns the extended slice.
func (u *UserData) Append(dst []byte) []byte {
	return append(append(dst, u.UUID[:]...), u.Data...)
}
