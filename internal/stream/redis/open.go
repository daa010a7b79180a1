package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// What a Redis that doesn't answer may cost. None of it is waited for by a request.
const (
	dialTimeout    = 2 * time.Second
	commandTimeout = 2 * time.Second
	bufferSize     = 16 << 10
)

// Open makes a client for a redis://, rediss:// or unix:// URL. It doesn't connect
// yet; a server that is away is no error.
func Open(address string) (*goredis.Client, error) {
	o, err := goredis.ParseURL(address)
	if err != nil { // which may repeat the password
		return nil, errors.New("the Redis URL must look like redis://[user:password@]host:6379[/database], rediss://… or unix:///path/to/redis.sock")
	}
	// A command is sent once: what is lost is healed elsewhere, and a repetition
	// would only come late.
	o.MaxRetries, o.DialerRetries = -1, 1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, commandTimeout, commandTimeout
	o.PoolTimeout = commandTimeout
	o.ContextTimeoutEnabled = true
	o.Dialer = dialer(o)
	o.PoolSize, o.MaxActiveConns = 16, 16
	o.PipelinePoolSize = -1 // pipelines use the same pool
	o.ConnMaxIdleTime = 5 * time.Minute
	o.ReadBufferSize, o.WriteBufferSize = bufferSize, bufferSize
	// RESP2 needs nothing that a server could push besides the messages.
	o.Protocol = 2
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.DisableIdentity = true
	return goredis.NewClient(o), nil
}

// dialer connects as go-redis would, but for TLS it ends with its context too.
func dialer(o *goredis.Options) func(context.Context, string, string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: 15 * time.Second}
	if o.TLSConfig == nil {
		return plain.DialContext
	}
	secure := &tls.Dialer{NetDialer: plain, Config: o.TLSConfig}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, o.DialTimeout) // for the handshake as well
		defer cancel()
		return secure.DialContext(ctx, network, address)
	}
}

// quiet keeps go-redis from writing to standard error: every error comes back to the
// caller as well.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func init() { goredis.SetLogger(quiet{}) }
