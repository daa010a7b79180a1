package enum

import "io"

// DeviceDecision is what a person says to a device that wants to sign in as them.
type DeviceDecision string

const (
	DeviceApprove DeviceDecision = "APPROVE"
	DeviceDeny    DeviceDecision = "DENY"
)

var allDeviceDecision = []DeviceDecision{DeviceApprove, DeviceDeny}

// Values lists every DeviceDecision.
func (DeviceDecision) Values() []string { return values(allDeviceDecision) }

// MarshalGQL writes it as a GraphQL enum value.
func (v DeviceDecision) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *DeviceDecision) UnmarshalGQL(in any) error { return read(v, in, allDeviceDecision) }

// DeviceCodeStatus is what a device hears when it asks for its key.
type DeviceCodeStatus string

const (
	DevicePending  DeviceCodeStatus = "PENDING"
	DeviceSlowDown DeviceCodeStatus = "SLOW_DOWN"
	DeviceApproved DeviceCodeStatus = "APPROVED"
	DeviceDenied   DeviceCodeStatus = "DENIED"
	DeviceExpired  DeviceCodeStatus = "EXPIRED"
)

var allDeviceCodeStatus = []DeviceCodeStatus{DevicePending, DeviceSlowDown, DeviceApproved, DeviceDenied, DeviceExpired}

// Values lists every DeviceCodeStatus.
func (DeviceCodeStatus) Values() []string { return values(allDeviceCodeStatus) }

// MarshalGQL writes it as a GraphQL enum value.
func (v DeviceCodeStatus) MarshalGQL(w io.Writer) { write(w, string(v)) }

// UnmarshalGQL takes only values of the set.
func (v *DeviceCodeStatus) UnmarshalGQL(in any) error { return read(v, in, allDeviceCodeStatus) }
