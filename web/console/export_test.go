package console

// ForgetAlarm has the next page count dead letters again.
func (c *Console) ForgetAlarm() { c.alarm.forget() }
