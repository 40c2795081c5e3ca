namespace Graft.Memory;

/// <summary>A piece of device memory with the number of tensors that look into it; the last one to leave gives it back.</summary>
internal sealed class Block(BlockPool pool, nint address, long size)
{
    private int _users = 1;

    public nint Address => address;

    public long Size => size;

    /// <summary>True where more than one tensor looks into it: whoever changes it changes the others.</summary>
    public bool IsShared => _users > 1;

    public void Share() => _users++;

    public void Release()
    {
        if (--_users == 0)
            pool.Return(address, size);
        else
            ObjectDisposedException.ThrowIf(_users < 0, this);
    }
}
